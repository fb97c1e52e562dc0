package standin.web;

import hudson.model.User;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import jenkins.model.Jenkins;

/** Jenkins' own pages for those who may read. */
final class Pathways {
    private Pathways() {}

    static boolean serve(Exchange exchange) throws IOException {
        if (exchange.at(0).equals("manage") && exchange.path.size() > 1) exchange.path.remove(0); // the same pages below /manage
        switch (exchange.at(0)) {
            case "" -> exchange.html(200, "Dashboard", "<h1>Dashboard</h1>" + (Jenkins.get().getSystemMessage() == null ? "" : "<div>" + Pages.escape(Jenkins.get().getSystemMessage()) + "</div>"));
            case "api" -> Api.serve(exchange, exchange.at(1), Api.jenkins());
            case "scriptText" -> Console.serve(exchange);
            case "crumbIssuer" -> Api.serve(exchange, exchange.at(2), Api.crumb(exchange));
            case "job" -> Jobs.serve(exchange);
            case "user" -> UserPages.serve(exchange, User.getById(exchange.at(1), false), 2);
            case "me" -> UserPages.serve(exchange, User.current(), 1);
            case "securityRealm" -> securityRealm(exchange);
            case "queue", "computer", "overallLoad" -> parts(exchange);
            case "createItem" -> createItem(exchange);
            case "manage", "script", "configure", "systemInfo", "log", "pluginManager" -> administration(exchange);
            case "view" -> BuildWays.ofView(exchange);
            case "rssAll", "asynchPeople", "people" -> exchange.html(200, "Jenkins", "<h1>Jenkins</h1>");
            default -> {
                return BuildWays.ofRoot(exchange) || Lifecycle.serve(exchange);
            }
        }
        return true;
    }

    private static void administration(Exchange exchange) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        String script = exchange.request.getParameter("script");
        if (exchange.at(0).equals("script") && script != null && exchange.request.getMethod().equals("POST")) exchange.html(200, "Script Console", "<pre>" + Pages.escape(Console.run(script)) + "</pre>");
        else if (exchange.startsWith("pluginManager", "api")) Api.serve(exchange, exchange.at(2), Api.plugins());
        else exchange.html(200, exchange.at(0).equals("manage") ? "Manage Jenkins" : "Jenkins", "<h1>" + Pages.escape(exchange.at(0)) + "</h1>");
    }

    /** Jenkins' own user database has its users below itself, too, and makes accounts; here it makes none. Read in the source, not recorded. */
    private static void securityRealm(Exchange exchange) throws IOException {
        switch (exchange.at(1)) {
            case "user" -> UserPages.serve(exchange, User.getById(exchange.at(2), false), 3);
            case "", "addUser" -> {
                exchange.require(Jenkins.ADMINISTER);
                exchange.html(200, "Users", "<h1>Users</h1>");
            }
            case "createAccountByAdmin" -> {
                if (!exchange.isPost()) return;
                exchange.require(Jenkins.ADMINISTER);
                exchange.leaveFor(".");
            }
            default -> exchange.notFound();
        }
    }

    private static void parts(Exchange exchange) throws IOException {
        Map<String, Object> object = switch (exchange.at(0)) {
            case "queue" -> Api.object("_class", "hudson.model.Queue", "discoverableItems", List.of(), "items", List.of());
            case "computer" -> Api.object("_class", "hudson.model.ComputerSet", "busyExecutors", 0, "displayName", "Nodes", "totalExecutors", 1);
            default -> Api.object("_class", "hudson.model.OverallLoadStatistics");
        };
        if (exchange.at(1).equals("api")) Api.serve(exchange, exchange.at(2), object);
        else if (exchange.path.size() == 1 && exchange.at(0).equals("computer")) exchange.html(200, "Nodes", "<h1>Nodes</h1>");
        else exchange.notFound();
    }

    private static void createItem(Exchange exchange) throws IOException {
        if (!exchange.isPost()) return;
        exchange.require(Jenkins.ADMINISTER);
        exchange.response.setHeader("X-Error", "No mode given");
        exchange.html(400, "Error", "<h1>Error</h1><p>No mode given</p>");
    }
}
