package io.jenkins.plugins.twofactor.jenkins;

import hudson.ExtensionList;
import hudson.model.User;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth.MoOtpOverEmailAuth;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth.MoSecurityQuestionAuth;
import standin.web.Exchange;

/** Below `tfaUserAuth`: the choice of a challenge, and the challenges. They work whatever the plugin's settings say at that moment. */
final class AuthPages {
    private AuthPages() {}

    /** `from` is the place of the first segment below. */
    static void serve(Exchange exchange, int from) throws Exception {
        MoUserAuth all = ExtensionList.lookupSingleton(MoUserAuth.class);
        switch (exchange.at(from)) {
            case "" -> exchange.html(200, "2FA Config", "<h1>Validate Two Factor</h1>" + (User.current() == null ? "" : String.join(" ", Factors.enrolled(User.current()))));
            case Factors.QUESTIONS -> questions(exchange, all.getSecurityQuestionAuth(), exchange.at(from + 1));
            case Factors.EMAIL -> email(exchange, all.getOtpOverEmailAuth(), exchange.at(from + 1));
            default -> exchange.notFound();
        }
    }

    private static void questions(Exchange exchange, MoSecurityQuestionAuth kept, String action) throws Exception {
        switch (action) {
            case "" -> kept.show(exchange);
            case "securityQuestionAuthenticate" -> {
                if (exchange.isPost()) kept.doSecurityQuestionAuthenticate(exchange);
            }
            default -> exchange.notFound();
        }
    }

    private static void email(Exchange exchange, MoOtpOverEmailAuth kept, String action) throws Exception {
        switch (action) {
            case "" -> kept.show(exchange);
            case "resendOtp" -> {
                if (exchange.isPost()) kept.doResendOtp(exchange);
            }
            case "saveOrValidateOtpOverEmailConfig" -> {
                if (exchange.isPost()) kept.doSaveOrValidateOtpOverEmailConfig(exchange);
            }
            default -> exchange.notFound();
        }
    }
}
