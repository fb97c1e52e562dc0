package io.jenkins.plugins.openmfa;

import hudson.ExtensionList;
import hudson.model.RootAction;
import hudson.model.User;
import hudson.util.PluginServletFilter;
import jenkins.model.Jenkins;
import standin.web.Exchange;
import standin.web.Part;
import standin.web.UserForm;

/** How the plugin enters a run, and where its pages are. Its filter is one of the jakarta API, so nothing is wrapped around it. */
public final class PluginEntry implements Part {
    private final MFALoginAction login = new MFALoginAction();
    private final MFAManagementLink management = new MFAManagementLink();

    @Override
    public void start(Jenkins jenkins) throws Exception {
        MFAGlobalConfiguration config = new MFAGlobalConfiguration();
        ExtensionList.lookup(MFAGlobalConfiguration.class).add(config);
        jenkins.addDescriptor(config);
        jenkins.addDescriptor(new MFAUserPropertyDescriptor());
        ExtensionList.lookup(RootAction.class).add(login);
        ExtensionList.lookup(MFALoginAction.class).add(login);
        PluginServletFilter.addFilter(new MFAFilter());
    }

    /** The action below a user has that user as a property; what is below is the user's own. Read in the source, not recorded. */
    @Override
    public void resolve(Exchange exchange) {
        for (int at = below(exchange); at >= 0 && exchange.at(at).equals(MFASetupAction.URL); at = below(exchange)) {
            User user = owner(exchange);
            int length = exchange.at(at + 1).matches("targetUser|currentUser") ? 2 : exchange.at(at + 1).equals("mFAProperty") && exchange.at(at + 2).equals("user") ? 3 : 0;
            if (length == 0 || user == null || !MFASetupAction.isShownFor(user)) return;
            exchange.path.subList(0, at + length).clear();
            exchange.path.add(0, "user");
            exchange.path.add(1, user.getId());
        }
    }

    /** Everything at the root is below `manage` as well, also more than once. */
    @Override
    public boolean serve(Exchange exchange) throws Exception {
        int at = root(exchange);
        if (exchange.at(at).equals(login.getUrlName())) return login.serve(exchange, at + 1);
        if (exchange.at(at).equals(management.getUrlName())) return management.serve(exchange, at + 1);
        if (exchange.at(at).equals("configureSecurity")) return SecurityPage.serve(exchange, at + 1);
        int below = below(exchange);
        if (below < 0) return false;
        User user = owner(exchange);
        UserForm.submit(exchange, user, below);
        return user != null && exchange.at(below).equals(MFASetupAction.URL) && MFASetupAction.isShownFor(user) && new MFASetupAction(user).serve(exchange, below + 1);
    }

    private static int root(Exchange exchange) {
        int at = 0;
        while (exchange.at(at).equals("manage") && exchange.path.size() > at + 1) at++;
        return at;
    }

    /** The place of the first segment below a user, or -1. */
    private static int below(Exchange exchange) {
        int at = root(exchange);
        return switch (exchange.at(at)) {
            case "user" -> at + 2;
            case "me" -> at + 1;
            case "securityRealm" -> exchange.at(at + 1).equals("user") ? at + 3 : -1; // Jenkins' own user database has its users below itself, too; not recorded
            default -> -1;
        };
    }

    /** Whose pages these are; null when there is no such user. */
    private static User owner(Exchange exchange) {
        return exchange.at(root(exchange)).equals("me") ? User.current() : User.getById(exchange.at(below(exchange) - 1), false);
    }
}
