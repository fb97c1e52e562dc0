package io.jenkins.plugins.openmfa;

import hudson.model.User;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.service.ExemptionService;

/** Whom the filter leaves alone, since version 111. */
final class Exemption {
    private Exemption() {}

    static boolean isExempt(User user) {
        return MFAContext.i().getService(ExemptionService.class).isExempt(user);
    }
}
