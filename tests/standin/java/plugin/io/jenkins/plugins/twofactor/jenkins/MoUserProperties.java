package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.model.UserProperty;
import hudson.model.UserPropertyDescriptor;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import net.sf.json.JSONObject;

/** A switch and group names of each user; the free edition keeps them, and its filter reads neither. Read in the source, not recorded. */
public class MoUserProperties extends UserProperty {
    private boolean is2faEnabled;
    private Set<String> groupNames = new HashSet<>();

    public MoUserProperties() {
        this(false);
    }

    public MoUserProperties(Boolean enabled) {
        is2faEnabled = enabled;
    }

    public void enable2FA() {
        is2faEnabled = true;
        user.save();
    }

    public void disable2FA() {
        is2faEnabled = false;
        user.save();
    }

    public Set<String> getGroupNames() {
        return Collections.unmodifiableSet(groupNames);
    }

    /** Every user has this property. */
    public static class DescriptorImpl extends UserPropertyDescriptor {
        public DescriptorImpl() {
            super(MoUserProperties.class);
        }

        @Override
        public UserProperty newInstance(User user) {
            return new MoUserProperties(false);
        }

        @Override
        public UserProperty fromForm(JSONObject form) {
            return new MoUserProperties(form.optBoolean("is2faEnabled"));
        }
    }
}
