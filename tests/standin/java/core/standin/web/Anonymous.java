package standin.web;

import hudson.model.User;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.servlet.http.HttpSession;
import jenkins.model.Jenkins;
import jenkins.security.SecurityListener;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;

/** The pages that need no right at all. */
final class Anonymous {
    private Anonymous() {}

    static boolean serve(Exchange exchange) throws IOException {
        switch (exchange.at(0)) {
            case "login" -> login(exchange, 200);
            case "loginError" -> login(exchange, 401);
            case "logout" -> logOut(exchange);
            case "whoAmI" -> whoAmI(exchange);
            case "jnlpJars" -> exchange.text("application/java-archive", "");
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void login(Exchange exchange, int status) throws IOException {
        exchange.sessionInfo();
        exchange.response.setHeader("X-Instance-Identity", Jenkins.get().getLegacyInstanceId());
        exchange.response.setStatus(status);
        exchange.text("text/html;charset=utf-8", Pages.login(exchange.request, status == 401));
    }

    private static void logOut(Exchange exchange) throws IOException {
        if (User.current() != null) SecurityListener.fireLoggedOut(User.current().getId());
        HttpSession session = exchange.request.getSession(false);
        if (session != null) session.invalidate();
        exchange.redirect(exchange.context() + "/");
    }

    private static void whoAmI(Exchange exchange) throws IOException {
        Authentication who = Jenkins.getAuthentication2();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("_class", "hudson.security.WhoAmI");
        answer.put("anonymous", who instanceof AnonymousAuthenticationToken);
        answer.put("authenticated", who.isAuthenticated());
        answer.put("authorities", who.getAuthorities().stream().map(group -> group.getAuthority()).collect(Collectors.toCollection(TreeSet::new)));
        answer.put("name", who.getName());
        if (exchange.at(1).equals("api")) exchange.json(answer);
        else exchange.html(200, "Who Am I", "<h1>Who Am I?</h1><p>" + Pages.escape(User.current() == null ? "anonymous" : who.getName()) + "</p>");
    }
}
