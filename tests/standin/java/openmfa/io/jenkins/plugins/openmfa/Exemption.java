package io.jenkins.plugins.openmfa;

import hudson.model.User;

/** Whom the filter leaves alone. Before version 111: nobody. That version brings a class of this name. */
final class Exemption {
    private Exemption() {}

    static boolean isExempt(User user) {
        return false;
    }
}
