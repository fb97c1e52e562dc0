package standin.web;

import hudson.model.FreeStyleProject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
            case "" -> exchange.html(200, job.getName(), "<h1>" + Pages.escape(job.getName()) + "</h1>" + described(job));
            case "api" -> Api.serve(exchange, exchange.at(3), Api.object("_class", "hudson.model.FreeStyleProject", "description", job.getDescription(), "name", job.getName(), "buildable", !job.isDisabled(), "color", "notbuilt"));
            case "config.xml" -> configuration(exchange, job);
            case "submitDescription" -> describe(exchange, job);
            case "build", "buildWithParameters" -> build(exchange, job);
            case "disable", "enable" -> disable(exchange, job);
            case "lastBuild" -> lastBuild(exchange, job);
            default -> {
                if (!BuildWays.ofJob(exchange, job, 2)) exchange.notFound();
            }
        }
    }

    private static String described(FreeStyleProject job) {
        return job.getDescription() == null ? "" : "<div>" + Pages.escape(job.getDescription()) + "</div>";
    }

    private static void configuration(Exchange exchange, FreeStyleProject job) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        String known = job.getDescription();
        if (exchange.request.getMethod().equals("POST")) {
            String sent = new String(exchange.request.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            job.setDescription(sent.contains("<description>") ? sent.replaceAll("(?s).*<description>(.*)</description>.*", "$1") : null);
            return;
        }
        exchange.sessionInfo();
        String body = known == null ? "<project/>\n" : "<project>\n  <description>" + Pages.escape(known) + "</description>\n</project>\n";
        exchange.text("application/xml;charset=utf-8", "<?xml version='1.1' encoding='UTF-8'?>\n" + body);
    }

    private static void describe(Exchange exchange, FreeStyleProject job) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        if (!exchange.isPost()) return;
        job.setDescription(exchange.request.getParameter("description"));
        exchange.redirect(".");
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
        else exchange.text("text/plain;charset=utf-8", job.getLog());
    }
}
