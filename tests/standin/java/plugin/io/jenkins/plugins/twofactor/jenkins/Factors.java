package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.util.ArrayList;
import java.util.List;

/** Which challenge pages a user can answer: the factor is enabled and he is enrolled in it. */
final class Factors {
    static final String QUESTIONS = "securityQuestionAuth";
    static final String EMAIL = "otpOverEmailAuth";

    private Factors() {}

    static List<String> enrolled(User user) {
        MoGlobalConfig config = MoGlobalConfig.get();
        MoSecurityQuestionConfig questions = user.getProperty(MoSecurityQuestionConfig.class);
        MoOtpOverEmailConfig email = user.getProperty(MoOtpOverEmailConfig.class);
        List<String> found = new ArrayList<>();
        if (config.isEnableSecurityQuestionsAuthentication() && questions != null && questions.isConfigured()) found.add(QUESTIONS);
        if (config.isEnableOtpOverEmailAuthentication() && email != null && email.isConfigured()) found.add(EMAIL);
        return found;
    }
}
