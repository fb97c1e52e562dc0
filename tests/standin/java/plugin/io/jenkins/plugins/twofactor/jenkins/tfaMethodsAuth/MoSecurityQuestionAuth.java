package io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth;

import hudson.model.User;
import io.jenkins.plugins.twofactor.jenkins.MoUserAuth;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** The challenge by security questions. One object a user, for all of his sessions; questions and answers are those of the moment when it was made. */
public class MoSecurityQuestionAuth {
    private static final Random RANDOM = new Random();

    int firstRandomSecurityQuestionIndex = 0;
    int secondRandomSecurityQuestionIndex = 1;
    private String[] securityQuestionArray;
    private String[] securityAnswerArray;
    public Map<String, Boolean> showWrongCredentialWarning = new HashMap<>();
    private final User user;

    public MoSecurityQuestionAuth() {
        user = User.current();
        MoSecurityQuestionConfig kept = user == null ? null : user.getProperty(MoSecurityQuestionConfig.class);
        if (kept == null) return;
        securityQuestionArray = new String[] {kept.getFirstSecurityQuestion(user), kept.getSecondSecurityQuestion(user), kept.getCustomSecurityQuestion(user)};
        securityAnswerArray = new String[] {kept.getFirstSecurityQuestionAnswer(user), kept.getSecondSecurityQuestionAnswer(user), kept.getCustomSecurityQuestionAnswer(user)};
    }

    public String getUserId() {
        return user == null ? "" : user.getId();
    }

    public String getFirstRandomSecurityQuestion() {
        return securityQuestionArray[firstRandomSecurityQuestionIndex];
    }

    public String getSecondRandomSecurityQuestion() {
        return securityQuestionArray[secondRandomSecurityQuestionIndex];
    }

    public boolean getShowWrongCredentialWarning() {
        return showWrongCredentialWarning.getOrDefault(user.getId(), false);
    }

    /** Each showing of the page asks another two of the three; before the first it is the first two. */
    public void doInitializeRandomTwoIndex() {
        firstRandomSecurityQuestionIndex = RANDOM.nextInt(3);
        secondRandomSecurityQuestionIndex = (firstRandomSecurityQuestionIndex + 1 + RANDOM.nextInt(2)) % 3;
    }

    /** The page itself; for anonymous it has nothing to show, and throws. */
    public void show(Exchange exchange) throws IOException {
        doInitializeRandomTwoIndex();
        exchange.html(200, "Security Questions", "<form method=\"post\" action=\"securityQuestionAuthenticate\">" + (getShowWrongCredentialWarning() ? "<b>Wrong credentials</b>" : "")
            + "<p>" + getFirstRandomSecurityQuestion() + "</p><p>" + getSecondRandomSecurityQuestion() + "</p></form>");
    }

    /** What goes wrong after the form was read is logged only: the answer is then empty. */
    public void doSecurityQuestionAuthenticate(Exchange exchange) throws IOException {
        exchange.require(Jenkins.READ);
        JSONObject form = exchange.form();
        if (form == null || user == null) return;
        if (!form.has("userFirstAuthenticationAnswer") || !form.has("userSecondAuthenticationAnswer") || securityAnswerArray == null) return;
        boolean right = form.get("userFirstAuthenticationAnswer").toString().equals(securityAnswerArray[firstRandomSecurityQuestionIndex])
            && form.get("userSecondAuthenticationAnswer").toString().equals(securityAnswerArray[secondRandomSecurityQuestionIndex]);
        if (!right) showWrongCredentialWarning.put(user.getId(), true);
        String place = right ? MoUserAuth.allow2FaAccessAndRedirect(exchange.request.getSession(false), user, showWrongCredentialWarning) : "./";
        exchange.done(place == null ? Jenkins.get().getRootUrl() : place);
    }
}
