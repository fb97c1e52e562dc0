package io.jenkins.plugins.twofactor.jenkins;

import java.util.logging.Level;
import java.util.logging.Logger;
import jenkins.model.Jenkins;
import net.sf.json.JSONException;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** The administrator's page and its two forms, which answer 302 whatever happened. */
final class ConfigPages {
    private static final Logger LOGGER = Logger.getLogger(ConfigPages.class.getName());

    private ConfigPages() {}

    static void serve(Exchange exchange, int from) throws Exception {
        exchange.require(Jenkins.ADMINISTER);
        String action = exchange.at(from);
        if (!action.startsWith("saveGlobal")) {
            exchange.html(200, "TWO FACTOR CONFIG", "<h1>Two factor configuration</h1>");
            return;
        }
        if (!exchange.isPost()) return;
        String json = exchange.request.getParameter("json");
        if (json == null) {
            exchange.response.sendError(400, "Nothing is submitted");
            return;
        }
        JSONObject form = JSONObject.fromObject(json); // a text that is no JSON is a 500
        try {
            save(form);
        } catch (JSONException | IllegalArgumentException problem) {
            LOGGER.log(Level.FINE, "form", problem);
        }
        exchange.redirect("./");
    }

    private static void save(JSONObject form) {
        String page = form.optString("formPage");
        if (page.equals("basicConfig")) MoGlobalConfig.get().saveGlobalBasicSettingsForm(form);
        else if (page.equals("advancedSettings")) MoGlobalConfig.get().saveGlobalAdvancedSettingsForm(form);
    }
}
