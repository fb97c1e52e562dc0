package io.jenkins.plugins.twofactor.jenkins;

import hudson.ExtensionList;
import hudson.model.RootAction;
import hudson.model.User;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth.MoOtpOverEmailAuth;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth.MoSecurityQuestionAuth;
import java.util.HashMap;
import java.util.Map;
import javax.servlet.http.HttpSession;

/** The challenge pages of all users: an object a user and factor, made at its first use, gone after a passed challenge and not before. */
public class MoUserAuth implements RootAction {
    Map<String, MoSecurityQuestionAuth> moSecurityQuestionAuthMap = new HashMap<>();
    Map<String, MoOtpOverEmailAuth> moOtpOverEmailAuthMap = new HashMap<>();

    @Override
    public String getUrlName() {
        return "tfaUserAuth";
    }

    /** An empty text for anonymous. */
    public String getUserId() {
        User user = User.current();
        return user == null ? "" : user.getId();
    }

    public MoSecurityQuestionAuth getSecurityQuestionAuth() {
        return moSecurityQuestionAuthMap.computeIfAbsent(getUserId(), none -> new MoSecurityQuestionAuth());
    }

    public MoOtpOverEmailAuth getOtpOverEmailAuth() {
        return moOtpOverEmailAuthMap.computeIfAbsent(getUserId(), none -> new MoOtpOverEmailAuth());
    }

    /** What is kept for both challenges; codes that were mailed stay good. */
    public void cleanUserAuthResource(String userId) {
        moSecurityQuestionAuthMap.remove(userId);
        moOtpOverEmailAuthMap.remove(userId);
    }

    /** Marks the session as verified; returns where its browser wanted to go, or null. */
    public static String allow2FaAccessAndRedirect(HttpSession session, User user, Map<String, Boolean> showWrongCredentialWarning) {
        if (session == null) return "./";
        String wanted = verify(session, user);
        ExtensionList.lookupSingleton(MoUserAuth.class).cleanUserAuthResource(user.getId());
        showWrongCredentialWarning.put(user.getId(), false);
        return wanted;
    }

    static String verify(HttpSession session, User user) {
        String wanted = (String) session.getAttribute(MoFilter.RELAY);
        session.removeAttribute(MoFilter.RELAY);
        session.setAttribute(user.getId() + MoFilter.VERIFIED, "true");
        MoFilter.userAuthenticationStatus.put(user.getId(), true);
        return wanted;
    }
}
