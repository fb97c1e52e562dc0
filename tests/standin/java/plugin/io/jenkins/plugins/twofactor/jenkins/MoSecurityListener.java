package io.jenkins.plugins.twofactor.jenkins;

import jenkins.security.SecurityListener;

/** After a log-out the user's pages are shown as to somebody unverified. Read in the source, not recorded. */
public class MoSecurityListener extends SecurityListener {
    @Override
    protected void loggedOut(String username) {
        MoFilter.userAuthenticationStatus.put(username, false);
    }
}
