package standin.web;

import hudson.security.csrf.DefaultCrumbIssuer;
import javax.servlet.http.HttpServletRequest;
import jenkins.model.Jenkins;

/** The frame of Jenkins' HTML pages, cut down to what clients look for. */
final class Pages {
    private Pages() {}

    static String layout(HttpServletRequest request, String title, String body) {
        String resources = request.getContextPath() + Jenkins.RESOURCE_PATH;
        return "  \n  <!DOCTYPE html><html><head resURL=\"" + resources + "\" data-rooturl=\"" + request.getContextPath() + "\" data-resurl=\"" + resources
            + "\" data-extensions-available=\"true\" data-unit-test=\"false\" data-imagesurl=\"" + resources + "/images\" data-crumb-header=\"Jenkins-Crumb\" data-crumb-value=\""
            + DefaultCrumbIssuer.issue(request) + "\">\n    \n    \n\n    <title>" + escape(title) + (title.startsWith("Jenkins") ? "" : " [Jenkins]")
            + "</title><link rel=\"stylesheet\" href=\"" + resources + "/jsbundles/styles.css\" type=\"text/css\"><link rel=\"icon\" href=\"" + resources
            + "/favicon.svg\"><script src=\"" + resources + "/scripts/hudson-behavior.js\"></script><script src=\"" + resources + "/jsbundles/app.js\"></script></head><body>"
            + body + "<footer>Jenkins " + Jenkins.VERSION + "</footer></body></html>";
    }

    static String login(HttpServletRequest request, boolean failed) {
        String context = request.getContextPath(), resources = context + Jenkins.RESOURCE_PATH;
        String from = request.getParameter("from");
        String crumb = DefaultCrumbIssuer.issue(request);
        return "      \n      \n    \n    \n    <!DOCTYPE html><html lang=\"en\"><head resURL=\"" + resources + "\" data-rooturl=\"" + context + "\" data-resurl=\"" + resources
            + "\" data-imagesurl=\"" + resources + "/images\"><title>Sign in [Jenkins]</title><meta name=\"ROBOTS\" content=\"NOFOLLOW\"><link rel=\"icon\" href=\"" + resources
            + "/favicon.svg\" type=\"image/svg+xml\"></head><body>" + (failed ? "<div>Invalid username or password</div>" : "")
            + "<form method=\"post\" name=\"login\" action=\"j_spring_security_check\"><input name=\"j_username\"><input name=\"j_password\" type=\"password\"><input name=\"from\" type=\"hidden\" value=\""
            + escape(from == null ? "" : from) + "\">" + (Flavour.LOGIN_NEEDS_CRUMB ? "<input name=\"Jenkins-Crumb\" type=\"hidden\" value=\"" + crumb + "\">" : "")
            + "<button name=\"Submit\" type=\"submit\">Sign in</button></form></body></html>";
    }

    /** What an anonymous visitor gets instead of a page: 403, and a refresh to the login page. */
    static String loginFirst(HttpServletRequest request) {
        String query = request.getQueryString();
        String wanted = request.getRequestURI() + (query == null || !request.getMethod().equals("GET") ? "" : "?" + query);
        String place = request.getContextPath() + "/login?from=" + java.net.URLEncoder.encode(wanted, java.nio.charset.StandardCharsets.UTF_8);
        return "<html><head><meta http-equiv='refresh' content='1;url=" + place + "'/><script id='redirect' data-redirect-url='" + place + "' src='"
            + request.getContextPath() + Jenkins.RESOURCE_PATH + "/scripts/redirect.js'></script></head><body style='background-color:white; color:white;'>\n"
            + "Authentication required\n<!--\n-->\n\n</body></html>" + " ".repeat(300);
    }

    static String wait(boolean restarting) {
        return "<!DOCTYPE html><html><head><title>" + (restarting ? "Restarting Jenkins" : "Starting Jenkins") + "</title></head><body><h1>Please wait while Jenkins is "
            + (restarting ? "restarting" : "getting ready to work") + " ...</h1><p>Your browser will reload automatically when Jenkins is ready.</p></body></html>";
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#039;");
    }
}
