package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.tasks.Mailer;
import io.jenkins.plugins.twofactor.jenkins.dto.MoAdvanceSettingsDTO;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.Map;
import javax.servlet.http.HttpSession;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;
import standin.web.Exchange;

/** The challenge: two of three security questions, or a one-time password by mail. */
final class AuthPages {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final String SHOWN = "standin.questions";
    private static final String OTP = "standin.otp";

    private AuthPages() {}

    static void serve(Exchange exchange) throws IOException {
        User user = User.current();
        String page = exchange.at(1), action = exchange.at(2);
        if (page.equals(Factors.QUESTIONS)) questions(exchange, user, action);
        else if (page.equals(Factors.EMAIL)) email(exchange, user, action);
        else exchange.html(200, "2FA Authentication", "<h1>Choose a second factor</h1>" + String.join(" ", Factors.enrolled(user)));
    }

    /** The session is verified, and the browser goes where it wanted to go. */
    static void passed(Exchange exchange, User user) throws IOException {
        HttpSession session = exchange.request.getSession();
        session.setAttribute(user.getId() + MoFilter.VERIFIED, "true");
        Object relay = session.getAttribute(MoFilter.RELAY);
        session.removeAttribute(MoFilter.RELAY);
        exchange.redirect(relay == null ? Jenkins.get().getRootUrl() : relay.toString());
    }

    private static void again(Exchange exchange, String page) throws IOException {
        exchange.redirect(Jenkins.get().getRootUrl() + "tfaUserAuth/" + page + "/");
    }

    private static void questions(Exchange exchange, User user, String action) throws IOException {
        MoSecurityQuestionConfig config = user.getProperty(MoSecurityQuestionConfig.class);
        if (config == null || !config.isConfigured()) {
            exchange.redirect(Jenkins.get().getRootUrl() + "user/" + user.getId() + "/tfaConfiguration/");
        } else if (action.equals("securityQuestionAuthenticate")) {
            if (exchange.isPost()) check(exchange, user, config);
        } else {
            int[] shown = shown(exchange);
            exchange.html(200, "Security questions", "<form method=\"post\" action=\"securityQuestionAuthenticate\"><p>" + config.question(shown[0]) + "</p><p>" + config.question(shown[1])
                + "</p></form>");
        }
    }

    /** Which two are asked stays the same within a session until they were answered. */
    private static int[] shown(Exchange exchange) {
        HttpSession session = exchange.request.getSession();
        int[] shown = (int[]) session.getAttribute(SHOWN);
        if (shown == null) {
            int left = RANDOM.nextInt(3);
            int one = left == 0 ? 1 : 0, other = left == 2 ? 1 : 2;
            shown = RANDOM.nextBoolean() ? new int[] {one, other} : new int[] {other, one};
            session.setAttribute(SHOWN, shown);
        }
        return shown;
    }

    private static void check(Exchange exchange, User user, MoSecurityQuestionConfig config) throws IOException {
        JSONObject form = JSONObject.fromObject(exchange.request.getParameter("json"));
        int[] shown = shown(exchange);
        boolean right = form.optString("userFirstAuthenticationAnswer").equals(config.answer(shown[0])) && form.optString("userSecondAuthenticationAnswer").equals(config.answer(shown[1]));
        if (!right) {
            again(exchange, Factors.QUESTIONS);
            return;
        }
        exchange.request.getSession().removeAttribute(SHOWN);
        passed(exchange, user);
    }

    private static void email(Exchange exchange, User user, String action) throws IOException {
        if (action.equals("resendOtp")) {
            if (!exchange.isPost()) return;
            send(exchange, user);
            again(exchange, Factors.EMAIL);
        } else if (action.equals("saveOrValidateOtpOverEmailConfig")) {
            if (!exchange.isPost()) return;
            Object expected = exchange.request.getSession().getAttribute(OTP);
            String given = JSONObject.fromObject(exchange.request.getParameter("json")).optString("emailOtpForVerification");
            if (expected == null || !expected.equals(given)) {
                again(exchange, Factors.EMAIL);
                return;
            }
            exchange.request.getSession().removeAttribute(OTP);
            MoOtpOverEmailConfig config = user.getProperty(MoOtpOverEmailConfig.class);
            if (config == null || !config.isConfigured()) user.addProperty(new MoOtpOverEmailConfig(true));
            passed(exchange, user);
        } else {
            exchange.html(200, "Email configuration", "<h1>One-time password over e-mail</h1>");
        }
    }

    /** Without an address or a mail server nothing is sent, and nobody is told. */
    private static void send(Exchange exchange, User user) {
        Mailer.UserProperty address = user.getProperty(Mailer.UserProperty.class);
        if (address == null || Mailer.descriptor().getSmtpHost() == null) return;
        String otp = String.valueOf(10_000 + RANDOM.nextInt(90_000));
        exchange.request.getSession().setAttribute(OTP, otp);
        MoAdvanceSettingsDTO mail = MoGlobalConfig.get().getAdvancedSettingsDTO();
        String subject = mail == null ? MoGlobalConfig.DEFAULT_SUBJECT : mail.getCustomOTPEmailSubject();
        String template = mail == null ? MoGlobalConfig.DEFAULT_TEMPLATE : mail.getCustomOTPEmailTemplate();
        Jenkins.get().host.outbox.add(Map.of("from", MoGlobalConfig.get().getSenderEmailAddress(), "to", address.getAddress(), "subject", subject,
            "body", template.replace("$otp", otp).replace("$username", user.getId())));
    }
}
