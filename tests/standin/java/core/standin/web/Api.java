package standin.web;

import hudson.security.csrf.DefaultCrumbIssuer;
import hudson.PluginWrapper;
import hudson.model.User;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jenkins.model.Jenkins;

/** Objects of the remote API. */
final class Api {
    private Api() {}

    /** Answers `…/api/json` and `…/api/xml`; any other format is a page of help. */
    static void serve(Exchange exchange, String format, Map<String, Object> object) throws IOException {
        String tree = exchange.request.getParameter("tree");
        Object answer = tree == null ? object : Tree.parse(tree).prune(object);
        switch (format) {
            case "json" -> {
                exchange.response.setHeader("X-Content-Type-Options", "nosniff");
                exchange.json(answer);
            }
            case "xml" -> {
                exchange.sessionInfo();
                String name = ((String) object.get("_class")).replaceAll(".*\\.", "");
                name = name.substring(0, 1).toLowerCase(java.util.Locale.ENGLISH) + name.substring(1);
                exchange.text("application/xml;charset=utf-8", "<" + name + " _class='" + object.get("_class") + "'></" + name + ">");
            }
            case "python" -> exchange.text("text/x-python;charset=utf-8", groovy.json.JsonOutput.toJson(answer));
            default -> exchange.html(200, "Remote API", "<h1>REST API</h1>");
        }
    }

    static Map<String, Object> object(Object... pairs) {
        Map<String, Object> made = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) made.put((String) pairs[i], pairs[i + 1]);
        return made;
    }

    static Map<String, Object> jenkins() {
        Jenkins jenkins = Jenkins.get();
        String root = jenkins.getRootUrl();
        List<Object> jobs = new ArrayList<>();
        jenkins.getItems().forEach(job -> jobs.add(object("_class", "hudson.model.FreeStyleProject", "name", job.getName(), "url", root + "job/" + job.getName() + "/", "color", "notbuilt")));
        Map<String, Object> view = object("_class", "hudson.model.AllView", "name", "all", "url", root);
        return object("_class", "hudson.model.Hudson", "assignedLabels", List.of(object("name", "built-in")), "mode", "NORMAL",
            "nodeDescription", "the Jenkins controller's built-in node", "nodeName", "", "numExecutors", 1, "description", jenkins.getSystemMessage(), "jobs", jobs, "overallLoad", object(),
            "primaryView", view, "quietDownReason", null, "quietingDown", jenkins.isQuietingDown(), "slaveAgentPort", 0, "unlabeledLoad", object("_class", "jenkins.model.UnlabeledLoadStatistics"),
            "url", root, "useCrumbs", true, "useSecurity", true, "views", List.of(view));
    }

    static Map<String, Object> plugins() {
        List<Object> plugins = new ArrayList<>();
        for (PluginWrapper plugin : Jenkins.get().getPluginManager().getPlugins())
            plugins.add(object("active", plugin.isActive(), "backupVersion", null, "bundled", false, "deleted", false, "dependencies", List.of(), "detached", false, "downgradable", false,
                "enabled", plugin.isEnabled(), "hasUpdate", false, "longName", plugin.getLongName(), "pinned", false, "requiredCoreVersion", "2.361.4", "shortName", plugin.getShortName(),
                "supportsDynamicLoad", "YES", "url", "https://github.com/jenkinsci/" + plugin.getShortName() + "-plugin", "version", plugin.getVersion()));
        return object("_class", "hudson.LocalPluginManager", "plugins", plugins);
    }

    static Map<String, Object> user(User user) {
        return object("_class", "hudson.model.User", "absoluteUrl", Jenkins.get().getRootUrl() + user.getUrl(), "description", null, "fullName", user.getFullName(), "id", user.getId(), "property", List.of());
    }

    static Map<String, Object> crumb(Exchange exchange) {
        return object("_class", "hudson.security.csrf.DefaultCrumbIssuer", "crumb", DefaultCrumbIssuer.issue(exchange.request), "crumbRequestField", DefaultCrumbIssuer.FIELD);
    }
}
