package io.jenkins.plugins.openmfa;

import hudson.model.User;
import io.jenkins.plugins.openmfa.base.MFAContext;
import io.jenkins.plugins.openmfa.constant.PluginConstants;
import io.jenkins.plugins.openmfa.service.SessionService;
import io.jenkins.plugins.openmfa.util.SecurityUtil;
import io.jenkins.plugins.openmfa.util.TOTPUtil;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** The plugin's filter: sends a logged-in user to enrolment or to the challenge. It reads the settings at every request, and catches no exception. */
public class MFAFilter implements Filter {
    private static final String BY_TOKEN = "jenkins.security.BasicHeaderApiTokenAuthenticator";
    /** Without the end of a segment: it and what is below it. "/loginError" and "/assets/" were read in the source, not recorded. */
    private static final List<String> OPEN = List.of("/login", "/loginError", "/logout", "/securityRealm", "/adjuncts/", "/assets/", "/static/", "/images/", "/css/", "/scripts/",
        "/" + PluginConstants.Urls.LOGIN_ACTION_URL, "/" + PluginConstants.Urls.SETUP_ACTION_URL, PluginConstants.Urls.SECURITY_CHECK_ENDPOINT);

    private final SessionService sessionService = MFAContext.i().getService(SessionService.class);

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest request = (HttpServletRequest) one;
        User user = User.current();
        boolean passes = Boolean.TRUE.equals(request.getAttribute(BY_TOKEN)) || user == null || isOpen(path(request)) || sessionService.isVerifiedSession(request.getSession(false))
            || Exemption.isExempt(user);
        if (passes || !challenge(request, (HttpServletResponse) other, user)) chain.doFilter(one, other);
    }

    /** Returns whether the user was sent to the second factor. */
    private static boolean challenge(HttpServletRequest request, HttpServletResponse response, User user) throws IOException {
        if (!TOTPUtil.isMFAEnabled(user)) {
            if (!MFAGlobalConfiguration.get().isRequireMFA()) return false;
            response.sendRedirect(SecurityUtil.buildSetupURI(request.getContextPath(), user.getId()));
            return true;
        }
        request.getSession(true).setAttribute(PluginConstants.SessionAttributes.PENDING_AUTH, user.getId());
        String query = request.getQueryString();
        String from = (path(request).isEmpty() ? "/" : path(request)) + (query == null || query.isEmpty() ? "" : "?" + query);
        response.sendRedirect(request.getContextPath() + "/" + PluginConstants.Urls.LOGIN_ACTION_URL + "?" + PluginConstants.FROM_PARAM + "=" + URLEncoder.encode(from, StandardCharsets.UTF_8));
        return true;
    }

    /** Below the context path, as the client wrote it. */
    private static String path(HttpServletRequest request) {
        String uri = request.getRequestURI(), context = request.getContextPath();
        return !context.isEmpty() && uri.startsWith(context) ? uri.substring(context.length()) : uri;
    }

    private static boolean isOpen(String path) {
        return OPEN.stream().anyMatch(open -> path.equals(open) || path.startsWith(open.endsWith("/") ? open : open + "/"))
            || path.matches("^/user/[^/]+/" + PluginConstants.Urls.SETUP_ACTION_URL + "($|/.*)");
    }

    @Override
    public void destroy() {}
}
