package standin.web;

import io.jenkins.servlet.FilterWrapper;
import jakarta.servlet.Filter;
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

    static void serve(Server server, ServletContextHandler context) {
        server.setHandler(context.get());
    }
}
