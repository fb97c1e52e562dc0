package jenkins.util;

import hudson.ExtensionList;
import hudson.ExtensionPoint;
import java.io.IOException;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** A plugin's handler of requests; Jenkins' own first entry in the chain of plugin filters asks all of them. */
public abstract class HttpServletFilter implements ExtensionPoint {
    /** Whether the request was answered. */
    public abstract boolean handle(HttpServletRequest request, HttpServletResponse response) throws IOException, ServletException;

    public static Filter create() {
        return new Filter() {
            @Override
            public void init(FilterConfig config) {}

            @Override
            public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
                for (HttpServletFilter one : ExtensionList.lookup(HttpServletFilter.class))
                    if (one.handle((HttpServletRequest) request, (HttpServletResponse) response)) return;
                chain.doFilter(request, response);
            }

            @Override
            public void destroy() {}
        };
    }
}
