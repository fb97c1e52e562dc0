package io.jenkins.plugins.openmfa.util;

import io.jenkins.plugins.openmfa.constant.PluginConstants;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** Where a user enrols. */
public final class SecurityUtil {
    private SecurityUtil() {}

    public static String buildSetupURI(String context, String id) {
        return context + "/user/" + URLEncoder.encode(id, StandardCharsets.UTF_8) + "/" + PluginConstants.Urls.SETUP_ACTION_URL;
    }
}
