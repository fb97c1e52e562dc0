package standin.web;

import javax.servlet.Filter;

/** For plugins: their filter as this flavour of Jenkins puts it into the chain. */
public final class PluginFilters {
    private PluginFilters() {}

    public static Filter asInstalled(Filter filter) {
        return Flavour.pluginFilter(filter);
    }
}
