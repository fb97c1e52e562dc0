package jenkins.model;

import hudson.model.Descriptor;
import java.util.List;
import java.util.stream.Collectors;

/** A part of the system configuration; the plugin's settings are one. */
public abstract class GlobalConfiguration extends Descriptor {
    public static List<GlobalConfiguration> all() {
        return Jenkins.get().getDescriptors().stream().filter(GlobalConfiguration.class::isInstance).map(GlobalConfiguration.class::cast).collect(Collectors.toList());
    }
}
