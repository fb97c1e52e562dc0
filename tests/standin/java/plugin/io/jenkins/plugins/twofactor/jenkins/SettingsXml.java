package io.jenkins.plugins.twofactor.jenkins;

import io.jenkins.plugins.twofactor.jenkins.dto.MoAdvanceSettingsDTO;
import io.jenkins.plugins.twofactor.jenkins.dto.MoOtpOverEmailDto;
import java.io.File;
import javax.xml.parsers.DocumentBuilderFactory;
import jenkins.model.Jenkins;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** The file of the settings: one element a field, none for what is not set. */
final class SettingsXml {
    private static final String ROOT = MoGlobalConfig.class.getName();

    private SettingsXml() {}

    record Kept(boolean enableTfa, boolean enableTfaForAllUsers, boolean securityQuestions, MoOtpOverEmailDto otpOverEmail, MoAdvanceSettingsDTO advanced) {}

    static String write(MoGlobalConfig config) {
        String version = Jenkins.get().getPluginManager().getPlugin("miniorange-two-factor").getVersion();
        StringBuilder xml = new StringBuilder("<?xml version='1.1' encoding='UTF-8'?>\n<" + ROOT + " plugin=\"miniorange-two-factor@" + version + "\">\n");
        xml.append(element("  ", "enableTfa", config.getEnableTfa())).append(element("  ", "enableTfaForAllUsers", config.getEnableTfaForAllUsers()))
            .append(element("  ", "enableSecurityQuestionsAuthentication", config.isEnableSecurityQuestionsAuthentication()));
        MoOtpOverEmailDto otp = config.getOtpOverEmailDto();
        if (otp != null) xml.append("  <otpOverEmailDto>\n").append(element("    ", "isEnabled", otp.getIsEnabled()))
            .append(element("    ", "senderEmailAddress", otp.getSenderEmailAddress())).append("  </otpOverEmailDto>\n");
        MoAdvanceSettingsDTO mail = config.getAdvancedSettingsDTO();
        if (mail != null) xml.append("  <moAdvancedSettingsDTO>\n").append(element("    ", "customOTPEmailSubject", mail.getCustomOTPEmailSubject()))
            .append(element("    ", "customOTPEmailTemplate", mail.getCustomOTPEmailTemplate())).append("  </moAdvancedSettingsDTO>\n");
        return xml.append(Extras.write(config)).append("</" + ROOT + ">").toString();
    }

    static Kept read(File file) throws Exception {
        String text = java.nio.file.Files.readString(file.toPath()).replaceFirst("^<\\?xml version=.1\\.1.", "<?xml version='1.0'");
        Element root = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new org.xml.sax.InputSource(new java.io.StringReader(text))).getDocumentElement();
        Element otp = child(root, "otpOverEmailDto"), mail = child(root, "moAdvancedSettingsDTO");
        return new Kept(flag(root, "enableTfa"), flag(root, "enableTfaForAllUsers"), flag(root, "enableSecurityQuestionsAuthentication"),
            otp == null ? null : new MoOtpOverEmailDto(flag(otp, "isEnabled"), text(otp, "senderEmailAddress")),
            mail == null ? null : new MoAdvanceSettingsDTO(text(mail, "customOTPEmailSubject"), text(mail, "customOTPEmailTemplate")));
    }

    static String element(String indent, String name, Object value) {
        if (value == null) return "";
        String text = value.toString().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&apos;").replace("\r", "&#xd;");
        return indent + "<" + name + ">" + text + "</" + name + ">\n";
    }

    private static Element child(Element parent, String name) {
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) if (node instanceof Element && node.getNodeName().equals(name)) return (Element) node;
        return null;
    }

    private static String text(Element parent, String name) {
        Element found = child(parent, name);
        return found == null ? null : found.getTextContent();
    }

    private static boolean flag(Element parent, String name) {
        return Boolean.parseBoolean(text(parent, name));
    }
}
