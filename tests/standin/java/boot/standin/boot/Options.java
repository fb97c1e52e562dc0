package standin.boot;

import groovy.json.JsonSlurperClassic;
import java.io.File;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The launch options: a JSON object. Which two-factor plugins there are may be changed for the next run. */
public final class Options {
    public static final String MINI_ORANGE = "miniorange-two-factor";
    public static final String OPEN_MFA = "openmfa";

    /** A two-factor plugin by its state ("enabled", "disabled", "missing") and version. */
    public record Installed(String state, String version) {}

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
    /** By short name; those that are not named are missing. The first is the one that the options call "the plugin". */
    private final Map<String, Installed> plugins = Collections.synchronizedMap(new LinkedHashMap<>());
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
        for (Map<String, Object> about : (List<Map<String, Object>>) raw.get("plugins")) install((String) about.get("name"), new Installed(text(about, "state", "enabled"), text(about, "version", "?")));
        edition = text(raw, "edition", "free");
        restartingMillis = number(raw, "restartingMillis", 150);
        startingMillis = number(raw, "startingMillis", 150);
    }

    /** Of every two-factor plugin that is named, in the order of their names in the options. */
    public Map<String, Installed> plugins() {
        synchronized (plugins) {
            return new LinkedHashMap<>(plugins);
        }
    }

    public Installed plugin(String name) {
        return plugins.getOrDefault(name, new Installed("missing", "?"));
    }

    /** The short name of the plugin that the options name first. */
    public String thePlugin() {
        return plugins().keySet().iterator().next();
    }

    /** For the next run. */
    public void install(String name, Installed plugin) {
        if (!List.of(MINI_ORANGE, OPEN_MFA).contains(name)) throw new IllegalArgumentException("unknown plugin " + name);
        if (!List.of("enabled", "disabled", "missing").contains(plugin.state())) throw new IllegalArgumentException("unknown state " + plugin.state());
        if (name.equals(OPEN_MFA) && !plugin.state().equals("missing") && flavour.equals("javax")) throw new IllegalArgumentException("OpenMFA needs Jenkins 2.516.3 or newer: start the jakarta flavour");
        plugins.put(name, plugin);
    }

    public void setState(String name, String state) {
        install(name, new Installed(state, plugin(name).version()));
    }

    public void setVersion(String name, String version) {
        install(name, new Installed(plugin(name).state(), version));
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
