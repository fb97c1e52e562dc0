package io.jenkins.plugins.casc;

import java.util.List;
import jenkins.model.Jenkins;
import standin.web.Exchange;
import standin.web.Part;

/** Applied once at start-up, after the filters of other plugins have read their settings from the disk. */
public final class PluginEntry implements Part {
    @Override
    public void start(Jenkins jenkins) {
        new ConfigurationAsCode(List.of(jenkins.host.options.casc)).configure();
    }

    /** The reload by a token of its own; none is configured. */
    @Override
    public boolean serveAnyone(Exchange exchange) throws Exception {
        if (!exchange.at(0).equals("reload-configuration-as-code")) return false;
        exchange.notFound();
        return true;
    }

    @Override
    public boolean serve(Exchange exchange) throws Exception {
        if (!exchange.at(0).equals("configuration-as-code")) return false;
        exchange.require(Jenkins.ADMINISTER);
        if (exchange.at(1).equals("reload")) {
            if (!exchange.isPost()) return true;
            ConfigurationAsCode.get().configure();
            exchange.redirect(exchange.context() + "/configuration-as-code/");
        } else {
            exchange.html(200, "Configuration as Code", "<h1>Configuration as Code</h1>");
        }
        return true;
    }
}
