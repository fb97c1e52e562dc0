package io.jenkins.plugins.openmfa;

import hudson.model.User;
import hudson.model.UserProperty;
import hudson.model.UserPropertyDescriptor;
import hudson.util.Secret;
import net.sf.json.JSONObject;

/** Every user has this property. */
public class MFAUserPropertyDescriptor extends UserPropertyDescriptor {
    public MFAUserPropertyDescriptor() {
        super(MFAUserProperty.class);
    }

    @Override
    public String getDisplayName() {
        return "Multi-Factor Authentication (MFA)";
    }

    public boolean isEnabled() {
        return true;
    }

    @Override
    public MFAUserProperty newInstance(User user) {
        return new MFAUserProperty();
    }

    /** Another property takes the place of the former one. Read in the source, not recorded. */
    @Override
    public UserProperty fromForm(JSONObject form) {
        return new MFAUserProperty(form.has("secret") ? Secret.fromString(form.getString("secret")) : null);
    }
}
