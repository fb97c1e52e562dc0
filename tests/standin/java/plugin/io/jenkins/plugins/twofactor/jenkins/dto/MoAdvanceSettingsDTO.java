package io.jenkins.plugins.twofactor.jenkins.dto;

/** Subject and template of the mail with the one-time password. */
public class MoAdvanceSettingsDTO {
    private final String customOTPEmailSubject;
    private final String customOTPEmailTemplate;

    public MoAdvanceSettingsDTO(String customOTPEmailSubject, String customOTPEmailTemplate) {
        this.customOTPEmailSubject = customOTPEmailSubject;
        this.customOTPEmailTemplate = customOTPEmailTemplate;
    }

    public String getCustomOTPEmailSubject() {
        return customOTPEmailSubject;
    }

    public String getCustomOTPEmailTemplate() {
        return customOTPEmailTemplate;
    }
}
