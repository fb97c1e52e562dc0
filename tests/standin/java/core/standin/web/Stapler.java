package standin.web;

import hudson.security.AccessDeniedException3;
import java.io.IOException;
import java.util.List;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import jenkins.model.Jenkins;
import org.springframework.security.core.AuthenticationException;

/** Finds the page of a path. `/static/<anything>/<path>` is the same as `/<path>`, whatever is there. */
final class Stapler extends HttpServlet {
    private static final long serialVersionUID = 1;
    private final transient List<Part> parts;

    Stapler(List<Part> parts) {
        this.parts = parts;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws ServletException, IOException {
        Exchange exchange;
        try {
            exchange = new Exchange(request, response);
        } catch (IllegalArgumentException upwards) {
            response.sendError(400, "Bad path");
            return;
        }
        Jenkins.get().serving(rootUrl(request));
        try {
            dispatch(exchange);
        } catch (AccessDeniedException3 | AuthenticationException | IOException forOthers) {
            throw forOthers;
        } catch (Exception problem) {
            response.reset();
            exchange.html(500, "Jenkins [Jenkins]", "<h1>Oops!</h1><p>A problem occurred while processing the request. Logging ID=" + java.util.UUID.randomUUID() + "</p>");
        } finally {
            Jenkins.get().serving(null);
        }
    }

    private boolean servedToAnyone(Exchange exchange) throws Exception {
        for (Part part : parts) if (part.serveAnyone(exchange)) return true;
        return false;
    }

    private static String rootUrl(HttpServletRequest request) {
        return request.getScheme() + "://" + request.getServerName() + ":" + request.getServerPort() + request.getContextPath() + "/";
    }

    private void dispatch(Exchange exchange) throws Exception {
        if (PluginPages.isOne(exchange)) PluginPages.serve(exchange);
        else if (Assets.isAsset(exchange.at(0))) Assets.serve(exchange);
        else if (!Anonymous.serve(exchange) && !servedToAnyone(exchange)) {
            exchange.require(Jenkins.READ);
            for (Part part : parts) part.resolve(exchange);
            for (Part part : parts) if (part.serve(exchange)) return;
            if (!Pathways.serve(exchange)) exchange.notFound();
        }
    }
}
