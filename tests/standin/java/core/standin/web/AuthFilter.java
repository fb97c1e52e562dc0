package standin.web;

import hudson.model.User;
import hudson.security.AccessDeniedException3;
import hudson.security.csrf.DefaultCrumbIssuer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpSession;
import jenkins.model.Jenkins;
import jenkins.security.ApiTokenProperty.TokenInfoAndStats;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.core.context.SecurityContextImpl;
import standin.boot.Host;
import standin.boot.Tokens;

/** Who is asking: the session's user, HTTP Basic with token or password, the login form; and what those get who lack a right. */
final class AuthFilter implements Filter {
    static final String SESSION_KEY = "SPRING_SECURITY_CONTEXT";
    static final String BY_TOKEN = "jenkins.security.BasicHeaderApiTokenAuthenticator";

    private final Host host;
    private volatile Map<String, String> tokens = Map.of();

    AuthFilter(Host host) {
        this.host = host;
    }

    void loadTokens() throws IOException {
        tokens = Tokens.load(host.options);
    }

    List<TokenInfoAndStats> tokensOf(String id) {
        return tokens.entrySet().stream().filter(entry -> Jenkins.get().getSecurityRealm().getUserIdStrategy().equals(entry.getValue(), id))
            .map(entry -> new TokenInfoAndStats(Tokens.name(entry.getKey()), false, ApiTokenStats.uses(entry.getKey()), 0)).collect(Collectors.toList());
    }

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest request = (HttpServletRequest) one;
        HttpServletResponse response = (HttpServletResponse) other;
        try {
            Authentication who = ofSession(request);
            SecurityContextHolder.setContext(new SecurityContextImpl(who));
            if ("/j_spring_security_check".equals(request.getPathInfo())) {
                logIn(request, response);
                return;
            }
            Authentication basic = ofHeader(request, who);
            SecurityContextHolder.setContext(new SecurityContextImpl(basic));
            chain.doFilter(request, response);
        } catch (AccessDeniedException3 denied) {
            refuse(request, response, denied);
        } catch (AuthenticationException wrong) {
            unauthorized(response);
        } finally {
            SecurityContextHolder.clearContext();
        }
    }

    private static Authentication ofSession(HttpServletRequest request) {
        HttpSession session = request.getSession(false);
        Object kept = session == null ? null : session.getAttribute(SESSION_KEY);
        return kept == null ? Jenkins.ANONYMOUS2 : (Authentication) kept;
    }

    /** A header for the very user of the session is not evaluated at all. */
    private Authentication ofHeader(HttpServletRequest request, Authentication who) {
        String header = request.getHeader("Authorization");
        if (header == null || !header.regionMatches(true, 0, "Basic ", 0, 6)) return who;
        String[] parts = new String(Base64.getMimeDecoder().decode(header.substring(6)), StandardCharsets.UTF_8).split(":", 2);
        String name = parts[0], secret = parts.length == 2 ? parts[1] : "";
        if (!(who instanceof AnonymousAuthenticationToken) && who.getName().equals(name)) return who;
        String owner = tokens.get(secret);
        if (owner != null && Jenkins.get().getSecurityRealm().getUserIdStrategy().equals(owner, name)) return byToken(request, owner, secret);
        return remember(Jenkins.get().getSecurityRealm().authenticateByPassword(name, secret));
    }

    private Authentication byToken(HttpServletRequest request, String owner, String token) {
        if (System.currentTimeMillis() < host.faults.tokensRefusedUntil)
            throw new org.springframework.security.authentication.BadCredentialsException("refused for a while, as asked for by the test bench");
        request.setAttribute(BY_TOKEN, true);
        ApiTokenStats.count(owner, token);
        return remember(User.getById(owner, true).impersonate2());
    }

    private static Authentication remember(Authentication who) {
        User.getById(who.getName(), true);
        return who;
    }

    /** Success puts the user into a new session, if the browser had one before; without one nothing is kept, though the answer is the same. */
    private static void logIn(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String name = request.getParameter("j_username"), password = request.getParameter("j_password"), from = request.getParameter("from");
        String context = request.getContextPath();
        try {
            if (Flavour.LOGIN_NEEDS_CRUMB && !DefaultCrumbIssuer.isValid(request)) throw new org.springframework.security.authentication.BadCredentialsException("no crumb");
            Authentication who = remember(Jenkins.get().getSecurityRealm().authenticateByPassword(name == null ? "" : name, password == null ? "" : password));
            HttpSession before = request.getSession(false);
            if (before != null) {
                before.invalidate();
                request.getSession(true).setAttribute(SESSION_KEY, who);
            }
            String place = from == null || !from.startsWith("/") || from.startsWith("//") ? "/" : from;
            response.sendRedirect(place.equals(context) || place.startsWith(context + "/") ? place : context + place);
        } catch (AuthenticationException wrong) {
            request.getSession();
            response.sendRedirect(context + "/loginError");
        }
    }

    private static void unauthorized(HttpServletResponse response) throws IOException {
        Flavour.forget(response, "remember-me");
        response.setHeader("WWW-Authenticate", "Basic realm=\"Jenkins\"");
        response.sendError(401, "Unauthorized");
    }

    private static void refuse(HttpServletRequest request, HttpServletResponse response, AccessDeniedException3 denied) throws IOException {
        Exchange exchange = new Exchange(request, response);
        if (denied.authentication instanceof AnonymousAuthenticationToken) {
            request.getSession(); // keeps the request for the time after the log-in
            exchange.sessionInfo();
            response.setStatus(403);
            response.setContentType("text/html;charset=utf-8");
            exchange.write(Pages.loginFirst(request));
            return;
        }
        response.setHeader("X-You-Are-Authenticated-As", denied.authentication.getName());
        response.setHeader("X-Required-Permission", denied.permission.getId());
        exchange.html(403, "Jenkins", "<h1>Access Denied</h1><p>" + Pages.escape(denied.getMessage()) + "</p>");
    }

    @Override
    public void destroy() {}
}
