package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import javax.servlet.http.HttpServletRequest;

/** What an edition adds to the filter's rules. The free edition: nothing. Another edition brings a class of this name. */
final class Edition {
    private Edition() {}

    static boolean hasFactor(MoGlobalConfig config) {
        return false;
    }

    static boolean leavesAlone(HttpServletRequest request, User user, MoGlobalConfig config) {
        return false;
    }
}
