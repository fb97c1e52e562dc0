package io.jenkins.plugins.twofactor.jenkins;

import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import standin.web.Exchange;

/** What the browser asks for while a user fills in the enrolment form: the choice of questions. Read in the plugin's source, not recorded. */
final class Descriptors {
    private Descriptors() {}

    /** `from` is the place of "descriptorByName". */
    static boolean serve(Exchange exchange, int from) throws Exception {
        if (!exchange.at(from).equals("descriptorByName") || !exchange.at(from + 1).equals(MoSecurityQuestionConfig.class.getName())) return false;
        if (!exchange.at(from + 2).matches("fill(First|Second)SecurityQuestionItems")) return false;
        if (!exchange.isPost()) return true;
        exchange.json(Map.of("values", EnrolPages.QUESTIONS.stream().map(text -> Map.of("name", text, "value", text)).collect(Collectors.toList()), "errors", List.of()));
        return true;
    }
}
