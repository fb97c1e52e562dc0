package io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth;

import hudson.model.User;
import hudson.tasks.Mailer;
import io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig;
import io.jenkins.plugins.twofactor.jenkins.MoUserAuth;
import io.jenkins.plugins.twofactor.jenkins.dto.MoAdvanceSettingsDTO;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** The challenge by mail, and the enrolment in it. Codes are kept by user for all sessions; one is good until it is used or another is sent. */
public class MoOtpOverEmailAuth {
    private static final Logger LOGGER = Logger.getLogger(MoOtpOverEmailAuth.class.getName());
    private static final Map<String, String> sentOtp = new HashMap<>();
    private static final Random RANDOM = new Random();
    private static final int DIGITS = 5;

    public Map<String, Boolean> showWrongCredentialWarning = new HashMap<>();
    private final User user;

    public MoOtpOverEmailAuth() {
        user = User.current();
    }

    public boolean isOtpSentToUser() {
        return !sentOtp.getOrDefault(user.getId(), "").isEmpty();
    }

    /** Null for somebody without an address. */
    public String getUserEmailAddress() {
        Mailer.UserProperty address = user.getProperty(Mailer.UserProperty.class);
        return address == null ? null : address.getAddress();
    }

    public String getUserId() {
        return user == null ? "" : user.getId();
    }

    public boolean getShowWrongCredentialWarning() {
        return showWrongCredentialWarning.getOrDefault(user.getId(), false);
    }

    public boolean isOtpOverEmailConfigured() {
        MoOtpOverEmailConfig kept = user.getProperty(MoOtpOverEmailConfig.class);
        return kept != null && kept.isConfigured();
    }

    /** The page itself; for anonymous it has nothing to show, and throws. */
    public void show(Exchange exchange) throws IOException {
        String title = isOtpOverEmailConfigured() ? "Validate" : "CONFIGURE";
        exchange.html(200, "Email configuration", "<h1>" + title + " 2FA - OTP OVER EMAIL</h1>" + (getShowWrongCredentialWarning() ? "<b>Please enter correct OTP</b>" : "")
            + "<form method=\"post\" action=\"./resendOtp\"><button>" + (isOtpSentToUser() ? "Resend OTP" : "send OTP") + "</button></form>");
    }

    /** The code is kept before the mail leaves. With mail codes disabled there is no sender, hence no code. Without an address or a mail server no mail leaves. */
    public void sendMail() {
        String sender = MoGlobalConfig.get().getOtpOverEmailDto().getSenderEmailAddress();
        String address = getUserEmailAddress();
        String otp = RANDOM.ints(DIGITS, 0, 10).mapToObj(Integer::toString).collect(Collectors.joining());
        sentOtp.put(user.getId(), otp);
        if (address == null || Mailer.descriptor().getSmtpHost() == null) return;
        MoAdvanceSettingsDTO mail = MoGlobalConfig.get().getAdvancedSettingsDTO();
        String subject = text(mail == null ? null : mail.getCustomOTPEmailSubject(), MoGlobalConfig.DEFAULT_SUBJECT, otp);
        String body = text(mail == null ? null : mail.getCustomOTPEmailTemplate(), MoGlobalConfig.DEFAULT_TEMPLATE, otp);
        Jenkins.get().host.outbox.add(Map.of("from", sender, "to", address, "subject", subject, "body", body));
    }

    private String text(String given, String otherwise, String otp) {
        return (given == null || given.isBlank() ? otherwise : given).replace("$username", user.getId()).replace("$otp", otp);
    }

    public void doResendOtp(Exchange exchange) throws IOException {
        exchange.require(Jenkins.READ);
        try {
            sendMail();
        } catch (RuntimeException problem) {
            LOGGER.log(Level.FINE, "no mail", problem);
        }
        exchange.done("./");
    }

    /** The right code enrols and verifies in one step. Before a code was sent the answer is empty. */
    public void doSaveOrValidateOtpOverEmailConfig(Exchange exchange) throws IOException {
        exchange.require(Jenkins.READ);
        if (sentOtp.get(user.getId()) == null) return;
        JSONObject form = exchange.form();
        if (form == null) return;
        boolean enrolled = isOtpOverEmailConfigured();
        String place = "./";
        if (form.getString("emailOtpForVerification").equals(sentOtp.get(user.getId()))) {
            user.getProperty(MoOtpOverEmailConfig.class).setConfigured(true);
            sentOtp.remove(user.getId());
            place = MoUserAuth.allow2FaAccessAndRedirect(exchange.request.getSession(false), user, showWrongCredentialWarning);
        } else {
            showWrongCredentialWarning.put(user.getId(), true);
        }
        if (!enrolled) user.save();
        exchange.done(place == null ? Jenkins.get().getRootUrl() : place);
    }
}
