package io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig;

import hudson.model.UserProperty;

/** Whether a user has proven that one-time passwords reach him. */
public class MoOtpOverEmailConfig extends UserProperty {
    private boolean isConfigured;

    public MoOtpOverEmailConfig() {}

    public MoOtpOverEmailConfig(boolean configured) {
        isConfigured = configured;
    }

    public boolean isConfigured() {
        return isConfigured;
    }
}
