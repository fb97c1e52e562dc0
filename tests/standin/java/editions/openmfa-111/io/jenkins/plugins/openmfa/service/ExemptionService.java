package io.jenkins.plugins.openmfa.service;

import hudson.model.User;
import io.jenkins.plugins.openmfa.MFAGlobalConfiguration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Who is exempt: by id, or by a group that the realm knows the user to be in. Asking the realm throws for a user whom it does not know. */
public class ExemptionService {
    public boolean isExempt(User user) {
        if (user == null) return false;
        MFAGlobalConfiguration config = MFAGlobalConfiguration.get();
        if (lines(config.getExemptUsers()).stream().anyMatch(user.getId().trim()::equalsIgnoreCase)) return true;
        List<String> roles = lines(config.getExemptRoles());
        return !roles.isEmpty() && user.impersonate2().getAuthorities().stream().anyMatch(group -> roles.stream().anyMatch(role -> role.equalsIgnoreCase(group.getAuthority())));
    }

    private static List<String> lines(String text) {
        return text == null ? List.of() : Arrays.stream(text.split("\n")).map(String::trim).filter(line -> !line.isEmpty()).collect(Collectors.toList());
    }
}
