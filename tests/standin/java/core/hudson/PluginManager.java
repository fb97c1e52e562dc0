package hudson;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import standin.boot.Host;

/** The plugins of this run, and the class loader that sees all of the active ones. */
public class PluginManager {
    public static final String TWO_FACTOR = "miniorange-two-factor";

    public final ClassLoader uberClassLoader;
    private final List<PluginWrapper> plugins = new ArrayList<>();

    public PluginManager(Host host) throws MalformedURLException {
        List<URL> active = new ArrayList<>();
        active.add(new File(host.options.home, "war/WEB-INF/classes/").toURI().toURL());
        plugins.add(new PluginWrapper("display-url-api", "Display URL API", "2.204.vf6fddd8a_8b_e9", true));
        plugins.add(new PluginWrapper("mailer", "Mailer Plugin", "472.vf7c289a_4b_420", true));
        plugins.add(new PluginWrapper("matrix-auth", "Matrix Authorization Strategy Plugin", "3.2.2", true));
        if (!host.options.plugin.equals("missing")) {
            boolean enabled = host.options.plugin.equals("enabled");
            plugins.add(new PluginWrapper(TWO_FACTOR, "miniOrange Two Factor Plugin", host.options.pluginVersion, enabled, new File(host.options.home, "plugins/" + TWO_FACTOR).toURI().toURL()));
            if (enabled) active.add(new File(host.build, (host.options.edition.equals("free") ? "plugin" : "plugin-" + host.options.edition) + "/").toURI().toURL());
        }
        if (host.options.casc != null) {
            plugins.add(new PluginWrapper("configuration-as-code", "Configuration as Code Plugin", "1850.va_a_8c31d3158b_", true));
            active.add(new File(host.build, "casc/").toURI().toURL());
        }
        uberClassLoader = new URLClassLoader("plugins", active.toArray(new URL[0]), PluginManager.class.getClassLoader());
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

    /** The classes by which the active plugins announce themselves, in the order of their start. */
    public List<Object> entries() {
        List<Object> found = new ArrayList<>();
        Map.of(TWO_FACTOR, "io.jenkins.plugins.twofactor.jenkins.PluginEntry", "configuration-as-code", "io.jenkins.plugins.casc.PluginEntry").entrySet().stream()
            .sorted(Map.Entry.<String, String>comparingByKey().reversed())
            .filter(entry -> getPlugin(entry.getKey()) != null && getPlugin(entry.getKey()).isActive())
            .forEach(entry -> {
                try {
                    found.add(uberClassLoader.loadClass(entry.getValue()).getDeclaredConstructor().newInstance());
                } catch (ReflectiveOperationException problem) {
                    throw new IllegalStateException(problem);
                }
            });
        return found;
    }
}
