package io.jenkins.plugins.openmfa;

import java.util.Arrays;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import standin.web.Exchange;

/** What the plugin's pages have in common. */
final class Pages {
    private Pages() {}

    static String assets(Exchange exchange, String... files) {
        String folder = exchange.context() + "/adjuncts/" + Jenkins.SESSION_HASH + "/io/jenkins/plugins/openmfa/";
        return Arrays.stream(files).map(file -> file.endsWith(".css") ? "<link rel=\"stylesheet\" href=\"" + folder + file + "\">" : "<script src=\"" + folder + file + "\"></script>")
            .collect(Collectors.joining());
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#039;");
    }
}
