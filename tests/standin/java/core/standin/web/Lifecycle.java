package standin.web;

import java.io.IOException;
import jenkins.model.Jenkins;

/** Quieting down, restarting, reloading. */
final class Lifecycle {
    private Lifecycle() {}

    static boolean serve(Exchange exchange) throws IOException {
        Runnable action = switch (exchange.at(0)) {
            case "quietDown" -> Jenkins.get()::doQuietDown;
            case "cancelQuietDown" -> Jenkins.get()::doCancelQuietDown;
            case "reload" -> Jenkins.get()::reload;
            case "restart" -> Jenkins.get()::restart;
            case "safeRestart" -> Jenkins.get()::safeRestart;
            default -> null;
        };
        if (action == null) return false;
        exchange.require(Jenkins.ADMINISTER);
        boolean restart = exchange.at(0).endsWith("estart");
        if (restart && exchange.request.getMethod().equals("GET")) {
            exchange.html(200, exchange.at(0).equals("restart") ? "Restart" : "Safe restart", "<h1>Are you sure about restarting Jenkins?</h1>");
        } else if (exchange.isPost()) {
            action.run();
            exchange.redirect(exchange.context() + "/");
        }
        return true;
    }
}
