package standin.web;

import hudson.model.FreeStyleProject;
import java.io.IOException;
import java.util.List;
import jenkins.model.Jenkins;

/**
 * Ways to start a build beyond the job's own button, as the plugins and the command line that bring them have their paths: rebuild, replay, restart from a stage, retry,
 * polling, the REST API of Blue Ocean, the command line over HTTP, a trigger token below the root. The paths are those of their documentation, not recorded.
 */
final class BuildWays {
    private BuildWays() {}

    /** Below a job: `rebuild`, or `42/rebuild/…`, `42/replay/run` and the like, with the place of the action in the path. */
    static boolean ofJob(Exchange exchange, FreeStyleProject job, int at) throws IOException {
        if (at == 2 && exchange.at(2).equals("job")) { // every job may hold others here: enough for the paths of folders
            shortened(exchange);
            return true;
        }
        if (exchange.at(at).matches("\\d+") && exchange.path.size() > at + 1) return ofJob(exchange, job, at + 1);
        String action = exchange.at(at), then = exchange.at(at + 1);
        boolean starts = switch (action) {
            case "rebuild" -> List.of("", "configSubmit").contains(then);
            case "replay" -> List.of("run", "rebuild").contains(then);
            case "restart" -> List.of("restart", "restartPipeline").contains(then);
            case "retry", "rerun", "polling" -> true;
            default -> false;
        };
        if (!starts) {
            if (!action.equals("replay") && !action.equals("restart")) return false;
            exchange.html(200, action, "<h1>" + action + "</h1>");
            return true;
        }
        exchange.require(Defaults.BUILD);
        boolean byGet = List.of("rebuild", "retry", "rerun").contains(action) && then.isEmpty(); // read in the source of these plugins, not recorded
        if (byGet || exchange.isPost()) scheduled(exchange, job);
        return true;
    }

    /** Jobs are found below a view, too. */
    static void ofView(Exchange exchange) throws IOException {
        if (exchange.at(2).equals("job")) shortened(exchange);
        else exchange.html(200, "Jenkins", "<h1>Jenkins</h1>");
    }

    /** As if the path began two segments later. */
    private static void shortened(Exchange exchange) throws IOException {
        exchange.path.subList(0, 2).clear();
        Jobs.serve(exchange);
    }

    static boolean ofRoot(Exchange exchange) throws IOException {
        switch (exchange.at(0)) {
            case "blue" -> blueOcean(exchange);
            case "cli" -> commandLine(exchange);
            case "buildByToken" -> byToken(exchange);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** POST …/pipelines/&lt;job&gt;/runs/[&lt;number&gt;/replay/ or …/nodes/&lt;id&gt;/restart/]. */
    private static void blueOcean(Exchange exchange) throws IOException {
        int at = exchange.path.lastIndexOf("pipelines");
        FreeStyleProject job = at < 0 ? null : Jenkins.get().getItem(exchange.at(at + 1));
        if (job == null || !exchange.at(at + 2).equals("runs")) {
            exchange.html(200, "Blue Ocean", "<h1>Blue Ocean</h1>");
            return;
        }
        exchange.require(Defaults.BUILD);
        if (exchange.request.getMethod().equals("POST")) scheduled(exchange, job);
        else exchange.json(List.of());
    }

    /** In short: a POST whose body names the job to build; the page of commands for a GET. */
    private static void commandLine(Exchange exchange) throws IOException {
        FreeStyleProject job = Jenkins.get().getItem(String.valueOf(exchange.request.getParameter("build")));
        boolean socket = exchange.at(1).equals("ws");
        if (job == null || !socket && exchange.request.getMethod().equals("GET")) {
            exchange.html(200, "Jenkins CLI", "<h1>Jenkins CLI</h1>");
            return;
        }
        exchange.require(Defaults.BUILD);
        scheduled(exchange, job);
    }

    private static void byToken(Exchange exchange) throws IOException {
        FreeStyleProject job = Jenkins.get().getItem(String.valueOf(exchange.request.getParameter("job")));
        String token = exchange.request.getParameter("token");
        if (job == null || job.authToken == null || !job.authToken.getToken().equals(token)) exchange.notFound();
        else scheduled(exchange, job);
    }

    private static void scheduled(Exchange exchange, FreeStyleProject job) {
        exchange.response.setHeader("Location", Jenkins.get().getRootUrl() + "queue/item/" + job.schedule() + "/");
        exchange.response.setStatus(201);
    }
}
