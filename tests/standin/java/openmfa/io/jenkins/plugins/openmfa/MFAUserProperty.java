package io.jenkins.plugins.openmfa;

import hudson.model.User;
import hudson.model.UserProperty;
import hudson.util.Secret;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.service.TOTPService;
import java.io.IOException;

/** A user's secret; none or an empty one: not enrolled. */
public class MFAUserProperty extends UserProperty {
    private Secret secret;

    public MFAUserProperty() {}

    public MFAUserProperty(Secret secret) {
        this.secret = secret;
    }

    /** Null for nobody. */
    public static MFAUserProperty forUser(User user) {
        return user == null ? null : user.getProperty(MFAUserProperty.class);
    }

    public static MFAUserProperty getOrCreate(User user) throws IOException {
        MFAUserProperty known = forUser(user);
        if (known != null) return known;
        MFAUserProperty made = new MFAUserProperty();
        user.addProperty(made);
        return made;
    }

    public User getUser() {
        return user;
    }

    public Secret getSecret() {
        return secret;
    }

    /** In memory; `User.save` stores it. */
    public void setSecret(Secret value) {
        secret = value;
    }

    public boolean isEnabled() {
        return secret != null && !secret.getPlainText().isEmpty();
    }

    /** A right code is used up by it. */
    public boolean verifyCode(String code) {
        return isEnabled() && MFAContext.i().getService(TOTPService.class).verifyCode(secret, code);
    }
}
