package io.jenkins.plugins.casc;

import hudson.PluginWrapper;
import hudson.model.Descriptor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import jenkins.model.Jenkins;

/**
 * The settings of OpenMFA, found as descriptors and setters are found in other plugins: what there is no setter for is refused. Before version 104 the section is called after the class.
 * The names and the refusal were read in the sources, not recorded.
 */
final class OpenMfa {
    private static final int WITH_A_NAME = 104;

    private OpenMfa() {}

    static void configure(String yaml) {
        PluginWrapper plugin = Jenkins.get().getPluginManager().getPlugin("openmfa");
        boolean named = plugin == null || Integer.parseInt(plugin.getVersion().split("\\.")[0]) >= WITH_A_NAME;
        Section.read(yaml, "security", named ? "openMFA" : "mFAGlobalConfiguration").ifPresent(OpenMfa::apply);
    }

    private static void apply(Section section) {
        Descriptor config = Jenkins.get().getDescriptor("io.jenkins.plugins.openmfa.MFAGlobalConfiguration");
        if (config == null) throw new IllegalArgumentException("Invalid configuration elements for type class jenkins.model.GlobalConfigurationCategory$Security : openMFA.");
        section.values().forEach((name, value) -> set(config, name, value));
        config.save();
    }

    private static void set(Descriptor config, String name, String value) {
        Map<Class<?>, Object> asType = Map.of(String.class, value, boolean.class, Boolean.valueOf(value));
        Method setter = Arrays.stream(config.getClass().getMethods()).filter(method -> method.getName().equals("set" + Character.toUpperCase(name.charAt(0)) + name.substring(1))).findFirst()
            .orElseThrow(() -> new IllegalArgumentException("Invalid configuration elements for type " + config.getClass() + " : " + name + "."));
        try {
            setter.invoke(config, asType.get(setter.getParameterTypes()[0]));
        } catch (IllegalAccessException | InvocationTargetException problem) {
            throw new IllegalStateException(problem);
        }
    }
}
