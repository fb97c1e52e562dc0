package io.jenkins.plugins.twofactor.jenkins;

import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import standin.web.Exchange;

/** What is found by the name of a class: helpers of the enrolment form, and the settings with what belongs to them. Read in the plugin's source, not recorded. */
final class Descriptors {
    private Descriptors() {}

    /** `from` is the place of "descriptorByName". */
    static boolean serve(Exchange exchange, int from) throws Exception {
        if (!exchange.at(from).equals("descriptorByName")) return false;
        String name = exchange.at(from + 1), action = exchange.at(from + 2);
        if (name.equals(MoGlobalConfig.class.getName())) return ConfigPages.ofSettings(exchange, from + 2);
        if (name.equals(MoGlobalConfig.class.getPackageName() + ".MoGlobalConfigView") && action.startsWith("check")) {
            if (!exchange.isPost()) return true;
            exchange.require(Jenkins.ADMINISTER);
            exchange.text("text/html;charset=utf-8", "<div/>");
            return true;
        }
        return name.equals(MoSecurityQuestionConfig.class.getName()) && ofQuestions(exchange, action);
    }

    private static boolean ofQuestions(Exchange exchange, String action) throws Exception {
        boolean fills = action.matches("fill(First|Second)SecurityQuestionItems");
        if (!fills && !action.matches("check(First|Second|Custom)SecurityQuestion(Answer)?")) return false;
        if (!exchange.isPost()) return true;
        exchange.require(Jenkins.READ);
        if (fills) exchange.json(Map.of("values", EnrolPages.QUESTIONS.stream().map(text -> Map.of("name", text, "value", text)).collect(Collectors.toList()), "errors", List.of()));
        else exchange.text("text/html;charset=utf-8", "<div/>");
        return true;
    }
}
