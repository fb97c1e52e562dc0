package io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig;

import hudson.model.User;
import hudson.model.UserProperty;
import hudson.model.UserPropertyDescriptor;
import net.sf.json.JSONObject;

/** Whether a user has answered with a one-time password that came by mail. */
public class MoOtpOverEmailConfig extends UserProperty {
    public Boolean isConfigured;

    public MoOtpOverEmailConfig() {
        this(false);
    }

    public MoOtpOverEmailConfig(Boolean configured) {
        isConfigured = configured;
    }

    public Boolean isConfigured() {
        return isConfigured;
    }

    public void setConfigured(Boolean configured) {
        isConfigured = configured;
    }

    /** Every user has this property. */
    public static class DescriptorImpl extends UserPropertyDescriptor {
        public DescriptorImpl() {
            super(MoOtpOverEmailConfig.class);
        }

        @Override
        public UserProperty newInstance(User user) {
            return new MoOtpOverEmailConfig(false);
        }

        @Override
        public UserProperty fromForm(JSONObject form) {
            return new MoOtpOverEmailConfig(form.optBoolean("isConfigured"));
        }
    }
}
