package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.util.PluginServletFilter;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import jenkins.model.Jenkins;
import standin.web.Exchange;
import standin.web.Part;
import standin.web.PluginFilters;

/** How the plugin enters a run: settings from disk, then its filter, which reads the live flag from them. */
public final class PluginEntry implements Part {
    @Override
    public void start(Jenkins jenkins) throws Exception {
        jenkins.addDescriptor(new MoGlobalConfig());
        jenkins.addDescriptor(new GroupManager());
        PluginServletFilter.addFilter(PluginFilters.asInstalled(new MoFilter()));
    }

    /** Crumbs protect verified sessions only. */
    @Override
    public boolean excludesFromCrumb(HttpServletRequest request) {
        HttpSession session = request.getSession(false);
        User user = User.current();
        return user == null || session == null || !MoFilter.isVerified(session, user);
    }

    @Override
    public boolean serve(Exchange exchange) throws Exception {
        switch (exchange.at(0)) {
            case "tfaUserAuth" -> AuthPages.serve(exchange);
            case "tfaGlobalConfig" -> ConfigPages.serve(exchange, 1);
            case "manage" -> {
                if (!exchange.at(1).equals("tfaGlobalConfig")) return false;
                ConfigPages.serve(exchange, 2);
            }
            case "user" -> {
                return Descriptors.serve(exchange, 2) || EnrolPages.serve(exchange, User.getById(exchange.at(1), false), 2);
            }
            case "descriptorByName" -> {
                return Descriptors.serve(exchange, 0);
            }
            case "me" -> {
                return EnrolPages.serve(exchange, User.current(), 1);
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
