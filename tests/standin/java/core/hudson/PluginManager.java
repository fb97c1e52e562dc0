package hudson;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import standin.boot.Host;
import standin.boot.Options;

/** The plugins of this run, and the class loader that sees all of the active ones. */
public class PluginManager {
    /** The classes by which plugins announce themselves, in the order of their start; the order of the two-factor plugins was not recorded. */
    private static final Map<String, String> ENTRIES = new LinkedHashMap<>();

    static {
        ENTRIES.put(Options.MINI_ORANGE, "io.jenkins.plugins.twofactor.jenkins.PluginEntry");
        ENTRIES.put(Options.OPEN_MFA, "io.jenkins.plugins.openmfa.PluginEntry");
        ENTRIES.put("configuration-as-code", "io.jenkins.plugins.casc.PluginEntry");
    }

    public final ClassLoader uberClassLoader;
    private final List<PluginWrapper> plugins = new ArrayList<>();

    public PluginManager(Host host) throws MalformedURLException {
        List<URL> active = new ArrayList<>();
        active.add(new File(host.options.home, "war/WEB-INF/classes/").toURI().toURL());
        plugins.add(new PluginWrapper("display-url-api", "Display URL API", "2.204.vf6fddd8a_8b_e9", true));
        plugins.add(new PluginWrapper("mailer", "Mailer Plugin", "472.vf7c289a_4b_420", true));
        plugins.add(new PluginWrapper("matrix-auth", "Matrix Authorization Strategy Plugin", "3.2.2", true));
        for (Map.Entry<String, Options.Installed> entry : host.options.plugins().entrySet()) {
            String name = entry.getKey();
            Options.Installed plugin = entry.getValue();
            if (plugin.state().equals("missing")) continue;
            boolean enabled = plugin.state().equals("enabled");
            String title = name.equals(Options.OPEN_MFA) ? "OpenMFA" : "miniOrange Two Factor Plugin";
            plugins.add(new PluginWrapper(name, title, plugin.version(), enabled, new File(host.options.home, "plugins/" + name).toURI().toURL()));
            if (enabled) active.add(new File(host.build, classes(name, plugin.version(), host.options.edition) + "/").toURI().toURL());
        }
        if (host.options.casc != null) {
            plugins.add(new PluginWrapper("configuration-as-code", "Configuration as Code Plugin", "1850.va_a_8c31d3158b_", true));
            active.add(new File(host.build, "casc/").toURI().toURL());
        }
        uberClassLoader = new URLClassLoader("plugins", active.toArray(new URL[0]), PluginManager.class.getClassLoader());
    }

    /** The folder with the classes of that version or edition of a plugin. OpenMFA had no exemptions before version 111. */
    private static String classes(String name, String version, String edition) {
        if (name.equals(Options.OPEN_MFA)) return Integer.parseInt(version.split("\\.")[0]) < 111 ? "openmfa-104" : "openmfa-111";
        return edition.equals("free") ? "plugin" : "plugin-" + edition;
    }

    public ClassLoader getUberClassLoader() {
        return uberClassLoader;
    }

    public List<PluginWrapper> getPlugins() {
        return plugins;
    }

    public PluginWrapper getPlugin(String shortName) {
        return plugins.stream().filter(plugin -> plugin.getShortName().equals(shortName)).findFirst().orElse(null);
    }

    /** What announces the active plugins, in the order of their start. */
    public List<Object> entries() {
        List<Object> found = new ArrayList<>();
        ENTRIES.forEach((name, type) -> {
            if (getPlugin(name) == null || !getPlugin(name).isActive()) return;
            try {
                found.add(uberClassLoader.loadClass(type).getDeclaredConstructor().newInstance());
            } catch (ReflectiveOperationException problem) {
                throw new IllegalStateException(problem);
            }
        });
        return found;
    }
}
