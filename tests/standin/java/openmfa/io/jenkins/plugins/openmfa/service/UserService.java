package io.jenkins.plugins.openmfa.service;

import hudson.model.User;
import io.jenkins.plugins.openmfa.MFAUserProperty;
import java.io.IOException;
import java.util.Collection;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;

/** What the administrator's list shows and does. */
public class UserService {
    public Collection<User> getUsers() {
        return User.getAll().stream().filter(user -> !user.getId().equals("SYSTEM")).collect(Collectors.toList());
    }

    public void resetMFA(User user) throws IOException {
        Jenkins.get().checkPermission(Jenkins.ADMINISTER);
        MFAUserProperty property = MFAUserProperty.forUser(user);
        if (property == null) return;
        property.setSecret(null);
        user.save();
    }
}
