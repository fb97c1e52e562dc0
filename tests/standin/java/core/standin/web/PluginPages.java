package standin.web;

import hudson.PluginWrapper;
import java.io.IOException;
import jenkins.model.Jenkins;
import standin.boot.Options;

/** Below `plugin/<name>/wrapper`: the installed plugin, and by its `parent` the plugin manager, not files, whatever the last segment ends with. */
final class PluginPages {
    private PluginPages() {}

    static boolean isOne(Exchange exchange) {
        return exchange.at(0).equals("plugin") && exchange.at(2).equals("wrapper");
    }

    static void serve(Exchange exchange) throws IOException {
        PluginWrapper plugin = Jenkins.get().getPluginManager().getPlugin(exchange.at(1));
        if (plugin == null) exchange.notFound();
        else ofWrapper(exchange, plugin, 3);
    }

    /** `from` is the place of the first segment below the wrapper. */
    private static void ofWrapper(Exchange exchange, PluginWrapper plugin, int from) throws IOException {
        switch (exchange.at(from)) {
            case "parent" -> ofManager(exchange, from + 1);
            case "makeEnabled", "makeDisabled" -> {
                if (!exchange.isPost()) return;
                exchange.require(Jenkins.ADMINISTER);
                Options options = Jenkins.get().host.options;
                if (options.plugins().containsKey(plugin.getShortName())) options.setState(plugin.getShortName(), exchange.at(from).equals("makeEnabled") ? "enabled" : "disabled");
            }
            case "doUninstall", "downgrade", "pin", "unpin" -> {
                if (!exchange.isPost()) return;
                exchange.require(Jenkins.ADMINISTER);
                exchange.redirect(exchange.context() + "/pluginManager/installed");
            }
            default -> exchange.notFound();
        }
    }

    private static void ofManager(Exchange exchange, int from) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        PluginWrapper plugin = Jenkins.get().getPluginManager().getPlugin(exchange.at(from + 1));
        if (exchange.at(from).equals("api")) Api.serve(exchange, exchange.at(from + 1), Api.plugins());
        else if (exchange.at(from).equals("plugin") && plugin != null) ofWrapper(exchange, plugin, from + 2);
        else if (exchange.at(from).matches("|installed|available|updates|advanced")) exchange.html(200, "Plugins", "<h1>Plugins</h1>");
        else exchange.notFound();
    }
}
