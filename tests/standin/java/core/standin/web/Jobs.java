package standin.web;

import hudson.model.FreeStyleProject;
import java.io.IOException;
import java.util.List;
import jenkins.model.Jenkins;

/** A job's pages. What follows an action in the path is ignored. */
final class Jobs {
    private Jobs() {}

    static void serve(Exchange exchange) throws IOException {
        FreeStyleProject job = Jenkins.get().getItem(exchange.at(1));
        if (job == null) {
            exchange.notFound();
            return;
        }
        switch (exchange.at(2)) {
            case "" -> exchange.html(200, job.getName(), "<h1>" + Pages.escape(job.getName()) + "</h1>");
            case "api" -> Api.serve(exchange, exchange.at(3), Api.object("_class", "hudson.model.FreeStyleProject", "name", job.getName(), "buildable", !job.isDisabled(), "color", "notbuilt"));
            case "config.xml" -> configuration(exchange);
            case "build", "buildWithParameters" -> build(exchange, job);
            case "disable", "enable" -> disable(exchange, job);
            case "lastBuild" -> lastBuild(exchange, job);
            default -> {
                if (!BuildWays.ofJob(exchange, job, 2)) exchange.notFound();
            }
        }
    }

    private static void configuration(Exchange exchange) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        exchange.sessionInfo();
        exchange.text("application/xml;charset=utf-8", "<?xml version='1.1' encoding='UTF-8'?>\n<project/>\n");
    }

    /** POST by those who may build; or a GET with the job's trigger token. */
    private static void build(Exchange exchange, FreeStyleProject job) throws IOException {
        String given = exchange.request.getParameter("token");
        boolean byToken = job.authToken != null && given != null;
        if (byToken && !job.authToken.getToken().equals(given)) {
            exchange.html(403, "Jenkins", "<h1>Invalid token</h1>");
            return;
        }
        if (!byToken) exchange.require(Defaults.BUILD);
        if (!byToken && !exchange.isPost()) return;
        exchange.response.setHeader("Location", Jenkins.get().getRootUrl() + "queue/item/" + job.schedule() + "/");
        exchange.response.setStatus(201);
    }

    private static void disable(Exchange exchange, FreeStyleProject job) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        if (!exchange.isPost()) return;
        job.setDisabled(exchange.at(2).equals("disable"));
        exchange.redirect(exchange.context() + "/job/" + job.getName() + "/");
    }

    private static void lastBuild(Exchange exchange, FreeStyleProject job) throws IOException {
        if (job.getBuildRequests() == 0) exchange.notFound();
        else if (List.of("api").contains(exchange.at(3))) Api.serve(exchange, exchange.at(4), Api.object("_class", "hudson.model.FreeStyleBuild", "number", job.getBuildRequests(), "result", "SUCCESS"));
        else exchange.text("text/plain;charset=utf-8", "Finished: SUCCESS\n");
    }
}
