package io.jenkins.plugins.twofactor.jenkins;

import hudson.XmlFile;
import io.jenkins.plugins.twofactor.jenkins.dto.MoAdvanceSettingsDTO;
import io.jenkins.plugins.twofactor.jenkins.dto.MoOtpOverEmailDto;
import java.io.File;
import jenkins.model.GlobalConfiguration;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;

/** The plugin's settings in memory, and their file. */
public class MoGlobalConfig extends GlobalConfiguration {
    public static final String DEFAULT_SUBJECT = "Jenkins 2FA Verification Code";
    public static final String DEFAULT_TEMPLATE = "<html><body><h1>Jenkins Account Verification Code</h1><p>Dear $username, <br></p><p>Your two factor verification code is: $otp </p>"
        + "<p>Please use this passcode to complete your action.</p></body></html>";

    private Boolean enableTfa = false;
    private Boolean enableTfaForAllUsers = false;
    private Boolean enableSecurityQuestionsAuthentication = false;
    private MoOtpOverEmailDto otpOverEmailDto;
    private MoAdvanceSettingsDTO moAdvancedSettingsDTO;

    public MoGlobalConfig() {
        load();
    }

    public static MoGlobalConfig get() {
        return Jenkins.get().getDescriptorByType(MoGlobalConfig.class);
    }

    @Override
    public XmlFile getConfigFile() {
        return new XmlFile(new File(Jenkins.get().getRootDir(), "plugins/moTfaGlobalConfig/" + getId() + ".xml"));
    }

    @Override
    protected String toXml() {
        return SettingsXml.write(this);
    }

    @Override
    protected void fromXml(File file) throws Exception {
        SettingsXml.Kept kept = SettingsXml.read(file);
        enableTfa = kept.enableTfa();
        enableTfaForAllUsers = kept.enableTfaForAllUsers();
        enableSecurityQuestionsAuthentication = kept.securityQuestions();
        otpOverEmailDto = kept.otpOverEmail();
        moAdvancedSettingsDTO = kept.advanced();
        Extras.read(this, file);
    }

    public Boolean getEnableTfa() {
        return enableTfa;
    }

    public void setEnableTfa(boolean on) {
        enableTfa = on;
        enableTfaForAllUsers = on;
    }

    public Boolean getEnableTfaForAllUsers() {
        return enableTfaForAllUsers;
    }

    public boolean isEnableSecurityQuestionsAuthentication() {
        return enableSecurityQuestionsAuthentication;
    }

    public void setEnableSecurityQuestionsAuthentication(boolean on) {
        enableSecurityQuestionsAuthentication = on;
    }

    public boolean isEnableOtpOverEmailAuthentication() {
        return otpOverEmailDto != null && otpOverEmailDto.getIsEnabled();
    }

    public MoOtpOverEmailDto getOtpOverEmailDto() {
        return otpOverEmailDto;
    }

    public String getSenderEmailAddress() {
        return otpOverEmailDto == null ? "" : otpOverEmailDto.getSenderEmailAddress();
    }

    public MoAdvanceSettingsDTO getAdvancedSettingsDTO() {
        return moAdvancedSettingsDTO;
    }

    /** Memory and the live flag change step by step; what is missing or refused stops it half-way, before anything is stored. */
    public void saveMoGlobalConfigViewForm(JSONObject form) {
        boolean on = form.getBoolean("enableTfa");
        setEnableTfa(on);
        MoFilter.moPluginSettings.put(MoFilter.LIVE, on);
        enableSecurityQuestionsAuthentication = form.getBoolean("enableSecurityQuestion");
        if (form.containsKey("enableOtpOverEmail")) {
            String sender = form.getJSONObject("enableOtpOverEmail").getString("senderEmailAddress");
            if (sender.isEmpty()) throw new IllegalArgumentException("sender address");
            otpOverEmailDto = new MoOtpOverEmailDto(true, sender);
        } else {
            otpOverEmailDto = null;
        }
        if (moAdvancedSettingsDTO == null) moAdvancedSettingsDTO = new MoAdvanceSettingsDTO(DEFAULT_SUBJECT, DEFAULT_TEMPLATE);
        save();
    }

    public void saveGlobalAdvancedSettingsForm(JSONObject form) {
        moAdvancedSettingsDTO = new MoAdvanceSettingsDTO(form.getString("customOTPEmailSubject"), form.getString("customOTPEmailTemplate"));
        save();
    }
}
