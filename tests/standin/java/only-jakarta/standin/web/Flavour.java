package standin.web;

import io.jenkins.servlet.FilterWrapper;
import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletResponse;
import org.eclipse.jetty.ee9.servlet.ServletContextHandler;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.server.Server;

/** What differs between the two servlet worlds beyond names. */
final class Flavour {
    /** Newer Jenkins wants the login page's crumb with the login form. */
    static final boolean LOGIN_NEEDS_CRUMB = true;

    private Flavour() {}

    static Filter pluginFilter(Filter filter) {
        return FilterWrapper.wrap(filter);
    }

    static void prepare(ServletContextHandler context) {
        context.getSessionHandler().setSameSite(HttpCookie.SameSite.LAX);
    }

    static void forget(HttpServletResponse response, String cookie) {
        response.addHeader("Set-Cookie", cookie + "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax");
    }

    static void serve(Server server, ServletContextHandler context) {
        server.setHandler(context.get());
    }
}
