package io.jenkins.plugins.casc;

import io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig;

/** The setters of the two-factor plugin, as configuration-as-code finds them. */
final class Settings {
    private final MoGlobalConfig config = MoGlobalConfig.get();

    void enableTfa(boolean on) {
        config.setEnableTfa(on);
    }

    void securityQuestions(boolean on) {
        config.setEnableSecurityQuestionsAuthentication(on);
    }

    void save() {
        config.save();
    }
}
