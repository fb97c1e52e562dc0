package io.jenkins.plugins.openmfa;

import hudson.model.User;
import hudson.util.Secret;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.constant.PluginConstants;
import io.jenkins.plugins.openmfa.service.SessionService;
import io.jenkins.plugins.openmfa.service.TOTPService;
import java.io.IOException;
import jenkins.model.Jenkins;
import standin.web.Exchange;

/** Below a user, for that user and administrators: enrolment, and its end. */
public class MFASetupAction {
    static final String URL = PluginConstants.Urls.SETUP_ACTION_URL;
    /** One white dot; the plugin shows the secret as a QR code. */
    private static final String PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg==";

    private final User targetUser;

    public MFASetupAction(User targetUser) {
        this.targetUser = targetUser;
    }

    public String getUrlName() {
        return URL;
    }

    public User getTargetUser() {
        return targetUser;
    }

    static boolean isShownFor(User user) {
        User current = User.current();
        return current != null && current.getId().equals(user.getId()) || Jenkins.get().hasPermission(Jenkins.ADMINISTER);
    }

    boolean serve(Exchange exchange, int from) throws IOException {
        switch (exchange.at(from)) {
            case "" -> {
                if (exchange.isPage()) show(exchange);
            }
            case "enable" -> {
                if (exchange.isPost()) enable(exchange);
            }
            case "disable" -> {
                if (exchange.isPost()) disable(exchange);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** The secret in the form is a new one each time, and kept nowhere. */
    private void show(Exchange exchange) throws IOException {
        String body = MFAUserProperty.getOrCreate(targetUser).isEnabled()
            ? "<form method=\"post\" action=\"disable\" class=\"mfa-disable-form\"><button type=\"button\">Disable</button></form>"
            : "<img src=\"" + PICTURE + "\" alt=\"QR Code\"><form method=\"post\" action=\"enable\"><input type=\"hidden\" name=\"" + PluginConstants.FormParameters.SECRET + "\" value=\""
                + MFAContext.i().getService(TOTPService.class).generateSecret().getEncryptedValue() + "\"><input type=\"text\" name=\"" + PluginConstants.FormParameters.CODE
                + "\" maxlength=\"6\"><button>Enable</button></form>";
        exchange.html(200, "Configure Multi-Factor Authentication", Pages.assets(exchange, "MFASetupAction/mfa-setup.css", "MFASetupAction/mfa-setup.js") + "<div id=\"mfa-setup\">" + body + "</div>");
    }

    /** The code is one of the secret that was sent, plain or in its stored form. As recorded, it verifies the session of the client. */
    private void enable(Exchange exchange) throws IOException {
        Secret secret = Secret.fromString(exchange.request.getParameter(PluginConstants.FormParameters.SECRET));
        if (!MFAContext.i().getService(TOTPService.class).verifyCode(secret, exchange.request.getParameter(PluginConstants.FormParameters.CODE))) {
            exchange.leaveFor("?error=invalid_code");
            return;
        }
        MFAUserProperty.getOrCreate(targetUser).setSecret(secret);
        targetUser.save();
        MFAContext.i().getService(SessionService.class).verifySession(exchange.request);
        exchange.leaveFor("?success=enabled");
    }

    private void disable(Exchange exchange) throws IOException {
        if (MFAGlobalConfiguration.get().isRequireMFA()) {
            exchange.leaveFor("?error=require_mfa");
            return;
        }
        MFAUserProperty.getOrCreate(targetUser).setSecret(null);
        targetUser.save();
        exchange.leaveFor("?success=disabled");
    }
}
