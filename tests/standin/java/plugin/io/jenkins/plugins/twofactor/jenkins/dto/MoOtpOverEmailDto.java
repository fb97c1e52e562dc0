package io.jenkins.plugins.twofactor.jenkins.dto;

/** One-time passwords by mail: on, and from whom. */
public class MoOtpOverEmailDto {
    private final Boolean isEnabled;
    private final String senderEmailAddress;

    public MoOtpOverEmailDto(Boolean isEnabled, String senderEmailAddress) {
        this.isEnabled = isEnabled;
        this.senderEmailAddress = senderEmailAddress;
    }

    public Boolean getIsEnabled() {
        return isEnabled;
    }

    public String getSenderEmailAddress() {
        return senderEmailAddress;
    }
}
