package standin.web;

import groovy.json.JsonOutput;
import hudson.model.User;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import jenkins.model.Jenkins;
import standin.boot.Tokens;

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
            case "user" -> user(exchange, User.getById(exchange.at(1), false), 2);
            case "me" -> user(exchange, User.current(), 1);
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

    /** `from` is the place of the first segment below the user. */
    private static void user(Exchange exchange, User user, int from) throws IOException {
        if (user == null) exchange.notFound();
        else if (exchange.at(from).equals("api")) Api.serve(exchange, exchange.at(from + 1), Api.user(user));
        else if (exchange.at(from + 2).equals("generateNewToken")) token(exchange, user);
        else if (exchange.at(from).equals("configSubmit")) submit(exchange, user);
        else if (List.of("", "configure", "security").contains(exchange.at(from))) exchange.html(200, user.getFullName(), "<h1>" + Pages.escape(user.getFullName()) + "</h1>");
        else exchange.notFound();
    }

    private static void token(Exchange exchange, User user) throws IOException {
        if (!exchange.isPost()) return;
        if (user != User.current()) exchange.require(Jenkins.ADMINISTER);
        String made = Tokens.add(Jenkins.get().host.options, user.getId(), exchange.request.getParameter("newTokenName"));
        JenkinsRun.reloadTokens();
        exchange.json(Api.object("status", "ok", "data", Api.object("tokenName", Tokens.name(made), "tokenUuid", java.util.UUID.randomUUID().toString(), "tokenValue", made)));
    }

    private static void submit(Exchange exchange, User user) throws IOException {
        if (!exchange.isPost()) return;
        if (exchange.request.getParameter("json") == null) {
            exchange.response.sendError(400, "This page expects a form submission but had only {}");
            return;
        }
        user.save();
        exchange.redirect(exchange.context() + "/user/" + user.getId());
    }

    private static void createItem(Exchange exchange) throws IOException {
        if (!exchange.isPost()) return;
        exchange.require(Jenkins.ADMINISTER);
        exchange.response.setHeader("X-Error", "No mode given");
        exchange.html(400, "Error", "<h1>Error</h1><p>No mode given</p>");
    }
}
