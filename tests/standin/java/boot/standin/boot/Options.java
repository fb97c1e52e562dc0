package standin.boot;

import groovy.json.JsonSlurperClassic;
import java.io.File;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The launch options: a JSON object. What the plugin looks like may be changed for the next run. */
public final class Options {
    public final File home;
    public final int port;
    public final int controlPort;
    public final String contextPath;
    public final boolean rootUrlGiven;
    public final String rootUrl;
    public final String flavour;
    public final String jenkinsVersion;
    public final String realm;
    public final Map<String, Map<String, Object>> users;
    public final List<String> jobs;
    public final String casc;
    public final String smtpHost;
    public volatile String plugin;
    public volatile String pluginVersion;
    public final String edition;
    public volatile long restartingMillis;
    public volatile long startingMillis;

    @SuppressWarnings("unchecked")
    private Options(Map<String, Object> raw) {
        home = new File((String) raw.get("home"));
        port = number(raw, "port", 0);
        controlPort = number(raw, "controlPort", 0);
        contextPath = text(raw, "contextPath", "");
        rootUrlGiven = raw.containsKey("rootUrl");
        rootUrl = (String) raw.get("rootUrl");
        flavour = text(raw, "flavour", "jakarta");
        jenkinsVersion = text(raw, "jenkinsVersion", flavour.equals("javax") ? "2.462.3" : "2.541.3");
        realm = text(raw, "realm", "own");
        users = new LinkedHashMap<>((Map<String, Map<String, Object>>) raw.get("users"));
        jobs = (List<String>) raw.getOrDefault("jobs", List.of("x"));
        casc = (String) raw.get("casc");
        smtpHost = (String) raw.get("smtpHost");
        plugin = text(raw, "plugin", "enabled");
        pluginVersion = text(raw, "pluginVersion", "1.2.0");
        edition = text(raw, "edition", "free");
        restartingMillis = number(raw, "restartingMillis", 150);
        startingMillis = number(raw, "startingMillis", 150);
    }

    public static Options read(File file) {
        return new Options(object(new JsonSlurperClassic().parse(file, "UTF-8")));
    }

    @SuppressWarnings("unchecked")
    public static Map<String, Object> object(Object json) {
        return (Map<String, Object>) json;
    }

    private static int number(Map<String, Object> raw, String key, int otherwise) {
        return raw.get(key) == null ? otherwise : ((Number) raw.get(key)).intValue();
    }

    private static String text(Map<String, Object> raw, String key, String otherwise) {
        return raw.get(key) == null ? otherwise : (String) raw.get(key);
    }
}
