package jenkins.util;

import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;

/** Jenkins' own first entry in the chain of plugin filters; here it passes everything on. */
public final class HttpServletFilter {
    private HttpServletFilter() {}

    public static Filter create() {
        return new Filter() {
            @Override
            public void init(FilterConfig config) {}

            @Override
            public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws java.io.IOException, ServletException {
                chain.doFilter(request, response);
            }

            @Override
            public void destroy() {}
        };
    }
}
