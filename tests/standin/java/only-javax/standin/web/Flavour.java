package standin.web;

import javax.servlet.Filter;
import javax.servlet.http.Cookie;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;

/** What differs between the two servlet worlds beyond names. */
final class Flavour {
    /** Newer Jenkins wants the login page's crumb with the login form. */
    static final boolean LOGIN_NEEDS_CRUMB = false;

    private Flavour() {}

    static Filter pluginFilter(Filter filter) {
        return filter;
    }

    static void prepare(ServletContextHandler context) {}

    static void forget(HttpServletResponse response, String cookie) {
        Cookie empty = new Cookie(cookie, "");
        empty.setMaxAge(0);
        empty.setPath("/");
        response.addCookie(empty);
    }

    static void serve(Server server, ServletContextHandler context) {
        server.setHandler(context);
    }
}
