package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.model.UserProperty;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.util.List;
import java.util.stream.Stream;
import javax.servlet.http.HttpSession;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** Below a user: the overview of the factors, and the page of each. They need Overall/Read, and work whatever the plugin's settings say at that moment. */
final class EnrolPages {
    static final String NO_QUESTION = "Select Security Question";
    static final List<String> QUESTIONS = List.of(NO_QUESTION, "What is your first company name ?", "What is your childhood nickname ?",
        "In what city did you meet your spouse/significant other ?", "What is the name favorite childhood friend ?", "What school did you attend for sixth grade ?",
        "In what city or town was your first job?", "What is the your favourite sport ?", "Who is your favourite sport player?", "What is your grandmother's maiden name ?",
        "What is your first vehicle's registration number ?");

    private EnrolPages() {}

    /** `user` is the path's, `from` the place of the first segment below. */
    static boolean serve(Exchange exchange, User user, int from) throws Exception {
        if (user == null) return false;
        String action = exchange.at(from + 1);
        switch (exchange.at(from)) {
            case "tfaConfiguration" -> {
                if (action.isEmpty()) overview(exchange, user);
                else exchange.notFound();
            }
            case "securityQuestionConfig" -> questions(exchange, user, action);
            case "otpOverEmailConfig" -> email(exchange, user, action);
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void overview(Exchange exchange, User user) throws Exception {
        String resources = exchange.context() + Jenkins.RESOURCE_PATH + "/plugin/miniorange-two-factor";
        exchange.html(200, "2FA Config", "<link rel=\"stylesheet\" href=\"" + resources + "/css/tfaConfiguration.css\"><script src=\"" + resources
            + "/js/tfaConfiguration.js\"></script><img src=\"" + resources + "/images/tfaIcon.png\"><h1>Configure Two Factor</h1>" + links(exchange, user));
    }

    /** What is enabled and not enrolled in can be; a verified user can reset the rest. */
    private static String links(Exchange exchange, User user) {
        MoGlobalConfig config = MoGlobalConfig.get();
        boolean verified = User.current() != null && MoFilter.userAuthenticationStatus.getOrDefault(User.current().getId(), false);
        StringBuilder links = new StringBuilder();
        if (config.isEnableSecurityQuestionsAuthentication()) {
            if (!user.getProperty(MoSecurityQuestionConfig.class).isConfigured()) links.append("<a href=\"../securityQuestionConfig/\">Security Questions</a>");
            else if (verified) links.append(resetForm("securityQuestionConfig"));
        }
        if (config.isEnableOtpOverEmailAuthentication()) {
            if (!user.getProperty(MoOtpOverEmailConfig.class).isConfigured()) links.append("<a href=\"" + exchange.context() + "/tfaUserAuth/otpOverEmailAuth/\">Otp Over Email</a>");
            else if (verified) links.append(resetForm("otpOverEmailConfig"));
        }
        return links.toString();
    }

    private static String resetForm(String page) {
        return "<form method=\"post\" action=\"../" + page + "/reset\"><button>Reset</button></form>";
    }

    private static void questions(Exchange exchange, User user, String action) throws Exception {
        switch (action) {
            case "" -> exchange.html(200, "Security Questions", "<h2>Configure your security questions for 2FA</h2><form method=\"post\" action=\"saveSecurityQuestion\"></form>");
            case "saveSecurityQuestion" -> {
                if (exchange.isPost()) save(exchange);
            }
            case "reset" -> {
                if (exchange.isPost()) reset(exchange, user, MoSecurityQuestionConfig.class);
            }
            default -> exchange.notFound();
        }
    }

    private static void email(Exchange exchange, User user, String action) throws Exception {
        switch (action) {
            case "" -> exchange.text("text/html;charset=utf-8", "");
            case "reset" -> {
                if (exchange.isPost()) reset(exchange, user, MoOtpOverEmailConfig.class);
            }
            default -> exchange.notFound();
        }
    }

    /** Of the user who asks, whoever's page it is. A form that is not filled in saves nothing, and the browser is sent on all the same. */
    private static void save(Exchange exchange) throws Exception {
        exchange.require(Jenkins.READ);
        JSONObject form = exchange.form();
        if (form == null) return;
        String place = exchange.context() + "./";
        if (isFilledIn(form)) {
            User user = User.current(); // null throws, as in the plugin
            user.addProperty(MoSecurityQuestionConfig.of(form, true));
            HttpSession session = exchange.request.getSession(false);
            if (session != null) place = MoUserAuth.verify(session, user);
        }
        exchange.done(place == null ? Jenkins.get().getRootUrl() : place);
    }

    /** Any text is a question; a field that is missing throws. */
    private static boolean isFilledIn(JSONObject form) {
        String first = form.getString("firstSecurityQuestion"), second = form.getString("secondSecurityQuestion");
        return !first.equals(second) && !first.equals(NO_QUESTION) && !second.equals(NO_QUESTION)
            && Stream.of("customSecurityQuestion", "firstSecurityQuestionAnswer", "secondSecurityQuestionAnswer", "customSecurityQuestionAnswer").noneMatch(key -> form.getString(key).isBlank());
    }

    /** Of the page's user, whoever asks. Done before the way back is looked for; without one the answer is a 500. */
    private static void reset(Exchange exchange, User user, Class<? extends UserProperty> factor) throws Exception {
        exchange.require(Jenkins.READ);
        UserProperty kept = user.getProperty(factor);
        if (kept instanceof MoSecurityQuestionConfig) ((MoSecurityQuestionConfig) kept).clear();
        else ((MoOtpOverEmailConfig) kept).setConfigured(false);
        user.save();
        exchange.done(exchange.request.getHeader("Referer"));
    }
}
