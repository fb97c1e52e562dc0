package io.jenkins.plugins.twofactor.jenkins;

import java.util.logging.Level;
import java.util.logging.Logger;
import jenkins.model.Jenkins;
import net.sf.json.JSONException;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** The administrator's page, its forms, which answer 302 whatever happened, and what else is below it. All but `saveGlobalTfaSettings` was read in the source, not recorded. */
final class ConfigPages {
    private static final Logger LOGGER = Logger.getLogger(ConfigPages.class.getName());

    private ConfigPages() {}

    /** `from` is the place of the first segment below the page. Each action checks rights by itself, or does not. */
    static boolean serve(Exchange exchange, int from) throws Exception {
        switch (exchange.at(from)) {
            case "" -> {
                exchange.require(Jenkins.ADMINISTER);
                exchange.html(200, "TWO FACTOR CONFIG", "<h1>Two factor configuration</h1>");
            }
            case "saveGlobalTfaSettings" -> {
                if (exchange.isPost()) saveSettings(exchange);
            }
            case "confirmationFormSubmit" -> {
                if (exchange.isPost()) exchange.text("text/html;charset=utf-8", "Error submitting form");
            }
            case "installPlugin" -> install(exchange);
            case "userManagement" -> {
                return GroupPages.serve(exchange, from + 1);
            }
            case "ipRestrictions" -> {
                if (exchange.at(from + 1).isEmpty()) exchange.html(200, "IP Restrictions", "<h1>IP Restrictions</h1>");
                else if (exchange.isPost()) exchange.text("text/html;charset=utf-8", "<script>notificationBar.show('Available in Premium version')</script>");
            }
            case "globalConfig" -> {
                return ofSettings(exchange, from + 1);
            }
            default -> {
                return ofSettings(exchange, from);
            }
        }
        return true;
    }

    /** The mail's subject and template are also below the settings themselves. Its form asks for the right within what it does not tell: 302 for everybody. */
    static boolean ofSettings(Exchange exchange, int from) throws Exception {
        if (!exchange.at(from).equals("advancedSettings")) return false;
        String action = exchange.at(from + 1);
        if (action.isEmpty()) {
            exchange.html(200, "advanced-settings-manager", "<h1>Advanced settings</h1>");
        } else if (action.equals("saveAdvancedSettingsConfiguration")) {
            if (!exchange.isPost()) return true;
            JSONObject form = exchange.form();
            if (form == null) return true;
            if (Jenkins.get().hasPermission(Jenkins.ADMINISTER)) save(form);
            exchange.done("./");
        } else {
            exchange.notFound();
        }
        return true;
    }

    private static void saveSettings(Exchange exchange) throws Exception {
        exchange.require(Jenkins.ADMINISTER);
        JSONObject form = exchange.form();
        if (form == null) return;
        save(form);
        exchange.done("./");
    }

    /** Every page's form is accepted at every page's address. */
    private static void save(JSONObject form) {
        try {
            MoGlobalConfig config = MoGlobalConfig.get();
            String page = form.getString("formPage");
            if (page.equals("basicConfig")) config.saveMoGlobalConfigViewForm(form);
            else if (page.equals("advanceSettingsConfig")) config.saveGlobalAdvancedSettingsForm(form);
            if (form.has("enableTfa")) config.saveMoGlobalConfigViewForm(form);
        } catch (JSONException | IllegalArgumentException problem) {
            LOGGER.log(Level.FINE, "form", problem);
        }
    }

    /** Asks for no right and takes any method. Here nothing is downloaded; the restart is the same. */
    private static void install(Exchange exchange) throws Exception {
        exchange.leaveFor(exchange.context() + "/manage/RestartPlugin");
        Jenkins.get().safeRestart();
    }
}
