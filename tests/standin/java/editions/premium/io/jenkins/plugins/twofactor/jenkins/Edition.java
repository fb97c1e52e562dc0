package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import javax.servlet.http.HttpServletRequest;
import jenkins.model.Jenkins;

/** Rules of a premium edition as its settings' names suggest them; nobody has seen the real ones. */
final class Edition {
    private static final String BY_TOKEN = "jenkins.security.BasicHeaderApiTokenAuthenticator";

    private Edition() {}

    static boolean hasFactor(MoGlobalConfig config) {
        return config.isEnableMobileAuthenticator() || Boolean.TRUE.equals(config.getEnableDuoPush()) || config.isEnableOtpOverSms();
    }

    static boolean leavesAlone(HttpServletRequest request, User user, MoGlobalConfig config) {
        if (request.getAttribute(BY_TOKEN) != null && (!config.isEnforceRestApi2fa() || config.isSkipRestApi2faForTokens())) return true;
        List<String> groups = Jenkins.getAuthentication2().getAuthorities().stream().map(Object::toString).collect(Collectors.toList());
        if (names(config.getSkipTfaForGroups()).stream().anyMatch(groups::contains)) return true;
        List<String> enforced = names(config.getEnableTfaForGroups());
        return !enforced.isEmpty() && enforced.stream().noneMatch(groups::contains);
    }

    private static List<String> names(String joined) {
        return joined == null || joined.isEmpty() ? List.of() : Arrays.asList(joined.split(";"));
    }
}
