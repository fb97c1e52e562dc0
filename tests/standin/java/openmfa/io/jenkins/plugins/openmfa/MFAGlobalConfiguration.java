package io.jenkins.plugins.openmfa;

import hudson.ExtensionList;
import io.jenkins.plugins.openmfa.constant.PluginConstants;
import jenkins.model.GlobalConfigurationCategory;
import net.sf.json.JSONObject;
import org.kohsuke.stapler.StaplerRequest2;

/** The plugin's settings in memory, and their file. What is in memory acts on the next request. */
public class MFAGlobalConfiguration extends Stored {
    private String issuer = PluginConstants.DEFAULT_ISSUER;
    private boolean requireMFA;

    public MFAGlobalConfiguration() {
        load();
    }

    public static MFAGlobalConfiguration get() {
        return ExtensionList.lookupSingleton(MFAGlobalConfiguration.class);
    }

    @Override
    public String getDisplayName() {
        return "OpenMFA";
    }

    public GlobalConfigurationCategory getCategory() {
        return GlobalConfigurationCategory.get(GlobalConfigurationCategory.Security.class);
    }

    /** What the form of the security page does with this part of it. */
    public boolean configure(StaplerRequest2 request, JSONObject form) {
        request.bindJSON(this, form);
        save();
        return true;
    }

    public String getDefaultIssuer() {
        return PluginConstants.DEFAULT_ISSUER;
    }

    public String getIssuer() {
        return issuer;
    }

    /** A blank name is the default one. */
    public void setIssuer(String name) {
        issuer = name == null || name.isBlank() ? PluginConstants.DEFAULT_ISSUER : name.trim();
    }

    public boolean isRequireMFA() {
        return requireMFA;
    }

    public void setRequireMFA(boolean required) {
        requireMFA = required;
    }
}
