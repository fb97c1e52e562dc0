package hudson;

import java.net.URL;

/** An installed plugin, active or not. */
public final class PluginWrapper {
    private final String shortName;
    private final String longName;
    private final String version;
    private final boolean active;
    /** Where its static files are. */
    public final URL baseResourceURL;

    public PluginWrapper(String shortName, String longName, String version, boolean active) {
        this(shortName, longName, version, active, null);
    }

    public PluginWrapper(String shortName, String longName, String version, boolean active, URL baseResourceURL) {
        this.shortName = shortName;
        this.longName = longName;
        this.version = version;
        this.active = active;
        this.baseResourceURL = baseResourceURL;
    }

    public String getShortName() {
        return shortName;
    }

    public String getLongName() {
        return longName;
    }

    public String getDisplayName() {
        return longName;
    }

    public String getVersion() {
        return version;
    }

    public boolean isActive() {
        return active;
    }

    public boolean isEnabled() {
        return active;
    }
}
