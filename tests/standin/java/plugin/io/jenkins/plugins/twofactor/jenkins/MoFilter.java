package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.Logger;
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

/** The plugin's filter: sends a logged-in user without a second factor to it. The live flag is read from the disk's settings once, here. */
public class MoFilter implements Filter {
    static final String LIVE = "ENABLE_MO_TFA_AUTHENTICATION";
    static final String VERIFIED = "_SESSION_2FA_VERIFICATION";
    static final String RELAY = "tfaRelayState";
    public static final Map<String, Boolean> moPluginSettings = new ConcurrentHashMap<>();
    public static final Map<String, Boolean> userAuthenticationStatus = new ConcurrentHashMap<>();
    private static final List<String> NEVER = List.of("/login", "/logout", "/static", "/adjuncts", ".css", ".js", "/log", "/queue", "/restart", "/safeRestart", "/quietDown", "/cancelQuietDown",
        "/createItem", "/createView", "/overallLoad", "/api/json", "/descriptorByName", "tfaConfiguration/", "tfaUserAuth/", "securityQuestionConfig", "otpOverEmail", "/miniorange-two-factor",
        "PopupContent", "/ajaxBuildQueue", "/ajaxExecutors", "/checkPluginUrl", "/theme-dark", "/resourceBundle", "/favicon.ico");
    private static final Logger LOGGER = Logger.getLogger(MoFilter.class.getName());

    @Override
    public void init(FilterConfig config) {
        moPluginSettings.put(LIVE, MoGlobalConfig.get().getEnableTfa());
    }

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        try {
            HttpServletRequest request = (HttpServletRequest) one;
            HttpSession session = request.getSession();
            User user = User.current();
            if (user != null) userAuthenticationStatus.put(user.getId(), isVerified(session, user));
            if (user == null || !asks(request) || isVerified(session, user) || Edition.leavesAlone(request, user, MoGlobalConfig.get())) chain.doFilter(one, other);
            else challenge(request, (HttpServletResponse) other, user);
        } catch (Exception problem) {
            LOGGER.log(Level.FINE, "the request passes", problem);
            chain.doFilter(one, other);
        }
    }

    static boolean isVerified(HttpSession session, User user) {
        return Boolean.parseBoolean(String.valueOf(session.getAttribute(user.getId() + VERIFIED)));
    }

    private static boolean asks(HttpServletRequest request) {
        MoGlobalConfig config = MoGlobalConfig.get();
        boolean factor = config.isEnableSecurityQuestionsAuthentication() || config.isEnableOtpOverEmailAuthentication() || Edition.hasFactor(config);
        return moPluginSettings.getOrDefault(LIVE, false) && factor && NEVER.stream().noneMatch(request.getPathInfo()::contains);
    }

    private static void challenge(HttpServletRequest request, HttpServletResponse response, User user) throws IOException {
        HttpSession session = request.getSession();
        String query = request.getQueryString();
        if (session.getAttribute(RELAY) == null) session.setAttribute(RELAY, request.getRequestURL() + (query == null ? "" : "?" + query));
        List<String> enrolled = Factors.enrolled(user);
        String place = enrolled.isEmpty() ? "user/" + user.getId() + "/tfaConfiguration/" : enrolled.size() == 1 ? "tfaUserAuth/" + enrolled.get(0) + "/" : "tfaUserAuth/";
        response.sendRedirect(Jenkins.get().getRootUrl() + place); // "null…" when no root URL is configured
    }

    @Override
    public void destroy() {}
}
