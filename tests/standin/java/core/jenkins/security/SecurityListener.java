package jenkins.security;

import hudson.ExtensionList;

/** Hears of log-outs. */
public abstract class SecurityListener {
    protected void loggedOut(String username) {}

    public static void fireLoggedOut(String username) {
        ExtensionList.lookup(SecurityListener.class).forEach(listener -> listener.loggedOut(username));
    }
}
