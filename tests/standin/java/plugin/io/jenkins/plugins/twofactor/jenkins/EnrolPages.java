package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.security.AccessDeniedException3;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.util.List;
import jenkins.model.Jenkins;
import net.sf.json.JSONException;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** A user's own pages: the overview of his factors, and enrolling in security questions. */
final class EnrolPages {
    static final List<String> QUESTIONS = List.of("What is your first company name ?", "What is your childhood nickname ?", "In what city did you meet your spouse ?",
        "What is the name of your first pet ?", "What was the make of your first car ?");

    private EnrolPages() {}

    static boolean serve(Exchange exchange, User user, int from) throws Exception {
        String page = exchange.at(from);
        if (user == null || !List.of("tfaConfiguration", "securityQuestionConfig", "otpOverEmailConfig").contains(page)) return false;
        boolean own = user == User.current();
        if (!own && !Jenkins.get().hasPermission(Jenkins.ADMINISTER)) throw new AccessDeniedException3(Jenkins.getAuthentication2(), Jenkins.ADMINISTER);
        String resources = exchange.context() + Jenkins.RESOURCE_PATH + "/plugin/miniorange-two-factor";
        if (page.equals("tfaConfiguration")) {
            exchange.html(200, "2FA Config", "<link rel=\"stylesheet\" href=\"" + resources + "/css/tfaConfiguration.css\"><script src=\"" + resources
                + "/js/tfaConfiguration.js\"></script><img src=\"" + resources + "/images/tfaIcon.png\"><h1>Choose a second factor</h1>" + links(exchange, user));
        } else if (page.equals("otpOverEmailConfig")) {
            exchange.redirect(exchange.context() + "/tfaUserAuth/otpOverEmailAuth/");
        } else if (exchange.at(from + 1).equals("saveSecurityQuestion")) {
            if (exchange.isPost()) enrol(exchange, user);
        } else if (exchange.at(from + 1).equals("reset")) {
            reset(exchange, user);
        } else {
            exchange.html(200, "Security questions", "<form method=\"post\" action=\"saveSecurityQuestion\">" + String.join("", QUESTIONS) + "</form>");
        }
        return true;
    }

    private static String links(Exchange exchange, User user) {
        MoGlobalConfig config = MoGlobalConfig.get();
        String own = exchange.context() + "/user/" + user.getId();
        return (config.isEnableSecurityQuestionsAuthentication() ? "<a href=\"" + own + "/securityQuestionConfig/\">Security questions</a>" : "")
            + (config.isEnableOtpOverEmailAuthentication() ? "<a href=\"" + own + "/otpOverEmailConfig/\">OTP over e-mail</a>" : "");
    }

    private static void enrol(Exchange exchange, User user) throws Exception {
        String home = Jenkins.get().getRootUrl() + "user/" + user.getId() + "/tfaConfiguration/";
        try {
            JSONObject form = JSONObject.fromObject(exchange.request.getParameter("json"));
            String first = form.getString("firstSecurityQuestion"), second = form.getString("secondSecurityQuestion");
            if (!QUESTIONS.contains(first) || !QUESTIONS.contains(second) || first.equals(second)) {
                exchange.redirect(home);
                return;
            }
            user.addProperty(new MoSecurityQuestionConfig(first, form.getString("firstSecurityQuestionAnswer"), second, form.getString("secondSecurityQuestionAnswer"),
                form.getString("customSecurityQuestion"), form.getString("customSecurityQuestionAnswer")));
        } catch (JSONException incomplete) {
            exchange.redirect(home);
            return;
        }
        AuthPages.passed(exchange, user);
    }

    private static void reset(Exchange exchange, User user) throws Exception {
        MoSecurityQuestionConfig config = user.getProperty(MoSecurityQuestionConfig.class);
        if (config == null) throw new IllegalStateException("not enrolled");
        config.reset();
        user.save();
        exchange.redirect(exchange.context() + "/user/" + user.getId() + "/tfaConfiguration/");
    }
}
