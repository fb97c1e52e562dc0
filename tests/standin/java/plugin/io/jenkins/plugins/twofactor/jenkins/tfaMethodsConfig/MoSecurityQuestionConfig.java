package io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig;

import hudson.model.UserProperty;

/** A user's three security questions and their answers. */
public class MoSecurityQuestionConfig extends UserProperty {
    private String firstSecurityQuestion;
    private String firstSecurityQuestionAnswer;
    private String secondSecurityQuestion;
    private String secondSecurityQuestionAnswer;
    private String customSecurityQuestion;
    private String customSecurityQuestionAnswer;
    private boolean isConfigured;

    public MoSecurityQuestionConfig() {}

    /** Questions and answers in turn. */
    public MoSecurityQuestionConfig(String... given) {
        firstSecurityQuestion = given[0];
        firstSecurityQuestionAnswer = given[1];
        secondSecurityQuestion = given[2];
        secondSecurityQuestionAnswer = given[3];
        customSecurityQuestion = given[4];
        customSecurityQuestionAnswer = given[5];
        isConfigured = true;
    }

    public boolean isConfigured() {
        return isConfigured;
    }

    public void setConfigured(boolean configured) {
        isConfigured = configured;
    }

    public String question(int number) {
        return new String[] {firstSecurityQuestion, secondSecurityQuestion, customSecurityQuestion}[number];
    }

    public String answer(int number) {
        return new String[] {firstSecurityQuestionAnswer, secondSecurityQuestionAnswer, customSecurityQuestionAnswer}[number];
    }

    public void reset() {
        setConfigured(false);
    }
}
