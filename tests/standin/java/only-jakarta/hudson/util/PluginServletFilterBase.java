package hudson.util;

import io.jenkins.servlet.FilterWrapper;

/** The deprecated signature for filters of the old kind; `addFilter` is therefore to be chosen by its annotation. */
public abstract class PluginServletFilterBase {
    @Deprecated
    public static void addFilter(javax:servlet.Filter filter) throws jakarta.servlet.ServletException {
        PluginServletFilter.addFilter(FilterWrapper.toJakartaFilter(filter));
    }
}
