package io.jenkins.servlet;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import java.io.IOException;

/** Filters of plugins built for the old servlet API sit in the chain inside such a wrapper, a nameless class whose field holds the filter. */
public final class FilterWrapper {
    private FilterWrapper() {}

    /** The stand-in's plugin is built for this flavour's own API, so the wrapper has nothing to translate. */
    public static Filter wrap(Filter from) {
        return new Filter() {
            @Override
            public void init(FilterConfig config) throws ServletException {
                from.init(config);
            }

            @Override
            public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
                from.doFilter(request, response, chain);
            }

            @Override
            public void destroy() {
                from.destroy();
            }
        };
    }

    public static Filter toJakartaFilter(javax:servlet.Filter from) {
        throw new UnsupportedOperationException("the stand-in does not run filters of the old API under Jetty 12");
    }
}
