package io.jenkins.plugins.twofactor.jenkins;

import hudson.ExtensionList;
import hudson.model.RootAction;
import hudson.model.User;
import hudson.security.csrf.CrumbExclusion;
import hudson.util.PluginServletFilter;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig;
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig;
import jenkins.model.Jenkins;
import jenkins.security.SecurityListener;
import standin.web.Exchange;
import standin.web.Part;
import standin.web.PluginFilters;
import standin.web.UserForm;

/** How the plugin enters a run: settings from disk, what it keeps for users, then its filter, which reads the live flag. And where its pages are. */
public final class PluginEntry implements Part {
    @Override
    public void start(Jenkins jenkins) throws Exception {
        jenkins.addDescriptor(new MoGlobalConfig());
        jenkins.addDescriptor(new GroupManager());
        jenkins.addDescriptor(new MoSecurityQuestionConfig.DescriptorImpl());
        jenkins.addDescriptor(new MoOtpOverEmailConfig.DescriptorImpl());
        jenkins.addDescriptor(new MoUserProperties.DescriptorImpl());
        MoUserAuth challenges = new MoUserAuth();
        ExtensionList.lookup(MoUserAuth.class).add(challenges);
        ExtensionList.lookup(RootAction.class).add(challenges);
        ExtensionList.lookup(CrumbExclusion.class).add(new MoTfaCrumbExclusion());
        ExtensionList.lookup(SecurityListener.class).add(new MoSecurityListener());
        PluginServletFilter.addFilter(PluginFilters.asInstalled(new MoFilter()));
    }

    /** Everything at the root is below `manage` as well, also more than once. */
    @Override
    public boolean serve(Exchange exchange) throws Exception {
        int at = 0;
        while (exchange.at(at).equals("manage") && exchange.path.size() > at + 1) at++;
        switch (exchange.at(at)) {
            case "tfaUserAuth" -> AuthPages.serve(exchange, at + 1);
            case "tfaGlobalConfig" -> {
                return ConfigPages.serve(exchange, at + 1);
            }
            case "RestartPlugin" -> exchange.html(200, "Restart Required", "<h2>Plugin Installed Successfully.</h2>"); // read in the source, not recorded
            case "user" -> {
                return ofUser(exchange, User.getById(exchange.at(at + 1), false), at + 2);
            }
            case "securityRealm" -> { // Jenkins' own user database has its users below itself, too; not recorded
                return exchange.at(at + 1).equals("user") && ofUser(exchange, User.getById(exchange.at(at + 2), false), at + 3);
            }
            case "me" -> {
                return ofUser(exchange, User.current(), at + 1);
            }
            case "job", "view", "computer" -> { // these find descriptors by name as well; not recorded
                return Descriptors.serve(exchange, at + 2);
            }
            default -> {
                return Descriptors.serve(exchange, at);
            }
        }
        return true;
    }

    static boolean ofUser(Exchange exchange, User user, int from) throws Exception {
        UserForm.submit(exchange, user, from);
        return Descriptors.serve(exchange, from) || EnrolPages.serve(exchange, user, from);
    }
}
