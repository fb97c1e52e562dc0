package io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig;

import hudson.model.User;
import hudson.model.UserProperty;
import hudson.model.UserPropertyDescriptor;
import hudson.util.Secret;
import net.sf.json.JSONObject;

/** A user's three security questions and their answers; blank ones until he enrols, and again after a reset. */
public class MoSecurityQuestionConfig extends UserProperty {
    private Secret firstSecurityQuestion;
    private Secret secondSecurityQuestion;
    private Secret customSecurityQuestion;
    private Secret firstSecurityQuestionAnswer;
    private Secret secondSecurityQuestionAnswer;
    private Secret customSecurityQuestionAnswer;
    private boolean isConfigured;

    public MoSecurityQuestionConfig() {
        clear();
    }

    public MoSecurityQuestionConfig(Secret firstQuestion, Secret secondQuestion, Secret customQuestion, Secret firstAnswer, Secret secondAnswer, Secret customAnswer, boolean configured) {
        firstSecurityQuestion = firstQuestion;
        secondSecurityQuestion = secondQuestion;
        customSecurityQuestion = customQuestion;
        firstSecurityQuestionAnswer = firstAnswer;
        secondSecurityQuestionAnswer = secondAnswer;
        customSecurityQuestionAnswer = customAnswer;
        isConfigured = configured;
    }

    /** Blank questions and answers, not enrolled. */
    public final void clear() {
        firstSecurityQuestion = secondSecurityQuestion = customSecurityQuestion = Secret.fromString("");
        firstSecurityQuestionAnswer = secondSecurityQuestionAnswer = customSecurityQuestionAnswer = Secret.fromString("");
        isConfigured = false;
    }

    /** Questions and answers of the form of that page; a missing one throws. */
    public static MoSecurityQuestionConfig of(JSONObject form, boolean configured) {
        return new MoSecurityQuestionConfig(Secret.fromString(form.getString("firstSecurityQuestion")), Secret.fromString(form.getString("secondSecurityQuestion")),
            Secret.fromString(form.getString("customSecurityQuestion")), Secret.fromString(form.getString("firstSecurityQuestionAnswer")),
            Secret.fromString(form.getString("secondSecurityQuestionAnswer")), Secret.fromString(form.getString("customSecurityQuestionAnswer")), configured);
    }

    public boolean isConfigured() {
        return isConfigured;
    }

    public void setConfigured(boolean configured) {
        isConfigured = configured;
    }

    public String getFirstSecurityQuestion(User of) {
        return kept(of).firstSecurityQuestion.getPlainText();
    }

    public String getSecondSecurityQuestion(User of) {
        return kept(of).secondSecurityQuestion.getPlainText();
    }

    public String getCustomSecurityQuestion(User of) {
        return kept(of).customSecurityQuestion.getPlainText();
    }

    public String getFirstSecurityQuestionAnswer(User of) {
        return kept(of).firstSecurityQuestionAnswer.getPlainText();
    }

    public String getSecondSecurityQuestionAnswer(User of) {
        return kept(of).secondSecurityQuestionAnswer.getPlainText();
    }

    public String getCustomSecurityQuestionAnswer(User of) {
        return kept(of).customSecurityQuestionAnswer.getPlainText();
    }

    public void setFirstSecurityQuestion(Secret text) {
        firstSecurityQuestion = text;
    }

    public void setSecondSecurityQuestion(Secret text) {
        secondSecurityQuestion = text;
    }

    public void setCustomSecurityQuestion(Secret text) {
        customSecurityQuestion = text;
    }

    public void setFirstSecurityQuestionAnswer(Secret text) {
        firstSecurityQuestionAnswer = text;
    }

    public void setSecondSecurityQuestionAnswer(Secret text) {
        secondSecurityQuestionAnswer = text;
    }

    public void setCustomSecurityQuestionAnswer(Secret text) {
        customSecurityQuestionAnswer = text;
    }

    private static MoSecurityQuestionConfig kept(User of) {
        return of.getProperty(MoSecurityQuestionConfig.class);
    }

    /** Every user has this property. */
    public static class DescriptorImpl extends UserPropertyDescriptor {
        public DescriptorImpl() {
            super(MoSecurityQuestionConfig.class);
        }

        @Override
        public UserProperty newInstance(User user) {
            return new MoSecurityQuestionConfig();
        }

        @Override
        public UserProperty fromForm(JSONObject form) {
            return of(form, form.optBoolean("isConfigured"));
        }
    }
}
