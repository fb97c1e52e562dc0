package hudson.util;

import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletContext;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import jenkins.model.Jenkins;

/** The filter that plugins add theirs to. Each request walks over the list as it was when the request came. */
public class PluginServletFilter extends PluginServletFilterBase implements Filter {
    private static final String KEY = PluginServletFilter.class.getName();

    private final List<Filter> list = new CopyOnWriteArrayList<>();
    private FilterConfig config;

    private static PluginServletFilter getInstance(ServletContext context) {
        return (PluginServletFilter) context.getAttribute(KEY);
    }

    @Override
    public void init(FilterConfig given) {
        config = given;
        given.getServletContext().setAttribute(KEY, this);
    }

    public static void addFilter(Filter filter) throws ServletException {
        PluginServletFilter self = getInstance((ServletContext) Jenkins.servletContextOf(Jenkins.get()));
        filter.init(self.config);
        self.list.add(filter);
    }

    public static boolean hasFilter(Filter filter) {
        return getInstance((ServletContext) Jenkins.servletContextOf(Jenkins.get())).list.contains(filter);
    }

    public static void removeFilter(Filter filter) {
        getInstance((ServletContext) Jenkins.servletContextOf(Jenkins.get())).list.remove(filter);
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
        Iterator<Filter> rest = list.iterator();
        new FilterChain() {
            @Override
            public void doFilter(ServletRequest one, ServletResponse other) throws IOException, ServletException {
                if (rest.hasNext()) rest.next().doFilter(one, other, this);
                else chain.doFilter(one, other);
            }
        }.doFilter(request, response);
    }

    @Override
    public void destroy() {
        list.forEach(Filter::destroy);
        list.clear();
    }
}
