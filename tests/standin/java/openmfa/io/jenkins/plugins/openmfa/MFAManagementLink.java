package io.jenkins.plugins.openmfa;

import hudson.model.User;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.constant.PluginConstants;
import io.jenkins.plugins.openmfa.service.UserService;
import io.jenkins.plugins.openmfa.util.SecurityUtil;
import java.io.IOException;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import standin.web.Exchange;

/** The administrator's list of users, and the end of somebody's enrolment. Read in the source, not recorded. */
public class MFAManagementLink {
    public String getUrlName() {
        return PluginConstants.Urls.MANAGEMENT_ACTION_URL;
    }

    boolean serve(Exchange exchange, int from) throws IOException {
        switch (exchange.at(from)) {
            case "" -> {
                exchange.require(Jenkins.ADMINISTER);
                if (exchange.isPage()) show(exchange);
            }
            case "resetMFA", "setMFA" -> {
                if (!exchange.isPost()) return true;
                exchange.require(Jenkins.ADMINISTER);
                change(exchange, exchange.at(from).equals("resetMFA"));
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void show(Exchange exchange) throws IOException {
        String rows = MFAContext.i().getService(UserService.class).getUsers().stream()
            .map(user -> "<tr class=\"mfa-user-row\"><td>" + Pages.escape(user.getId()) + "</td><td>" + (MFAUserProperty.forUser(user).isEnabled() ? "Enabled" : "Disabled") + "</td></tr>")
            .collect(Collectors.joining());
        exchange.html(200, "MFA User Management", Pages.assets(exchange, "MFAManagementLink/mfa-mgmt.css", "MFAManagementLink/mfa-mgmt.js") + "<table id=\"mfa-users-table\">" + rows + "</table>");
    }

    private static void change(Exchange exchange, boolean reset) throws IOException {
        String id = exchange.request.getParameter("userId");
        User user = id == null || id.isBlank() ? null : User.getById(id, false);
        if (user == null) {
            exchange.response.sendError(id == null || id.isBlank() ? 400 : 404, id == null || id.isBlank() ? "User ID is required" : "User not found: " + id);
            return;
        }
        if (!reset) {
            exchange.redirect(SecurityUtil.buildSetupURI(exchange.context(), id));
            return;
        }
        MFAContext.i().getService(UserService.class).resetMFA(user);
        if (!"XMLHttpRequest".equals(exchange.request.getHeader("X-Requested-With"))) exchange.leaveFor("?success=reset_mfa&user_id=" + id);
    }
}
