package io.jenkins.plugins.openmfa;

import hudson.model.RootAction;
import hudson.model.User;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.constant.PluginConstants;
import io.jenkins.plugins.openmfa.service.RateLimitService;
import io.jenkins.plugins.openmfa.service.SessionService;
import io.jenkins.plugins.openmfa.util.TOTPUtil;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import standin.web.Exchange;

/** The challenge: its page, and what checks a code. It works whatever the plugin's settings say at that moment. */
public class MFALoginAction implements RootAction {
    private final RateLimitService rateLimitService = MFAContext.i().getService(RateLimitService.class);
    private final SessionService sessionService = MFAContext.i().getService(SessionService.class);

    @Override
    public String getUrlName() {
        return PluginConstants.Urls.LOGIN_ACTION_URL;
    }

    boolean serve(Exchange exchange, int from) throws IOException {
        switch (exchange.at(from)) {
            case "" -> {
                if (exchange.isPage()) show(exchange);
            }
            case "verify" -> {
                if (exchange.isPost()) verify(exchange);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What it says to anonymous, to verified sessions and to users who need no code was read in the source, not recorded. */
    private void show(Exchange exchange) throws IOException {
        User user = User.current();
        String from = exchange.request.getParameter(PluginConstants.FROM_PARAM), body;
        if (user == null) body = "<p>No pending authentication</p>";
        else if (sessionService.isVerifiedSession(exchange.request.getSession(false))) {
            body = "<p>This session is verified already</p><a id=\"mfa-continue-link\" href=\"" + exchange.context() + Pages.escape(isSafe(from) ? from : "/") + "\">Continue</a>";
        } else if (!TOTPUtil.isMFAEnabled(user) && !MFAGlobalConfiguration.get().isRequireMFA()) {
            body = "<p>No second factor is set up</p>";
        } else {
            body = "<span id=\"mfa-invalid-code-msg\" style=\"display: none\">Invalid code</span><div id=\"mfa-lockout-banner\" data-remaining-lockout=\""
                + rateLimitService.getRemainingLockoutSeconds(user.getId()) + "\"></div><form method=\"post\" action=\"" + exchange.context() + PluginConstants.Urls.SECURITY_CHECK_ENDPOINT + "\">"
                + (from == null || from.isEmpty() ? "" : "<input type=\"hidden\" name=\"from\" value=\"" + Pages.escape(from) + "\">")
                + "<input type=\"hidden\" name=\"" + PluginConstants.FormParameters.TOTP_CODE + "\" id=\"mfa-login-code-hidden\"><button>Verify</button></form>";
        }
        exchange.html(200, "Multi-Factor Authentication", Pages.assets(exchange, "MFALoginAction/mfa-login.css", "MFALoginAction/mfa-login-enabled.js") + body);
    }

    private void verify(Exchange exchange) throws IOException {
        MFAUserProperty property = MFAUserProperty.forUser(User.current());
        if (property == null) {
            exchange.response.setStatus(403);
            return;
        }
        String id = property.getUser().getId(), from = exchange.request.getParameter(PluginConstants.FROM_PARAM);
        boolean right = !rateLimitService.isLockedOut(id) && property.verifyCode(exchange.request.getParameter(PluginConstants.FormParameters.TOTP_CODE));
        if (right) {
            rateLimitService.clearFailedAttempts(id);
            sessionService.verifySession(exchange.request);
            exchange.redirect(exchange.context() + (isSafe(from) ? from : "/"));
            return;
        }
        if (!rateLimitService.isLockedOut(id)) rateLimitService.recordFailedAttempt(id);
        String error = rateLimitService.isLockedOut(id) ? "locked" : "invalid";
        exchange.redirect(exchange.context() + "/" + getUrlName() + "?error=" + error
            + (from == null || from.isEmpty() ? "" : "&" + PluginConstants.FROM_PARAM + "=" + URLEncoder.encode(from, StandardCharsets.UTF_8)));
    }

    /** A place in this Jenkins: a path, in which only the query may have a colon. */
    private static boolean isSafe(String from) {
        return from != null && from.startsWith("/") && !from.startsWith("//") && !from.split("\\?", 2)[0].contains(":");
    }
}
