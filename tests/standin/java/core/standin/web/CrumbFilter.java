package standin.web;

import java.io.IOException;
import java.util.List;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** A POST needs a crumb, unless it came with an API token or a plugin excludes it. Runs before the filters of plugins. */
final class CrumbFilter implements Filter {
    volatile List<Part> parts = List.of();

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest request = (HttpServletRequest) one;
        boolean needed = request.getMethod().equals("POST") && !Boolean.TRUE.equals(request.getAttribute(AuthFilter.BY_TOKEN))
            && parts.stream().noneMatch(part -> part.excludesFromCrumb(request));
        if (!needed || Crumbs.isValid(request)) chain.doFilter(request, other);
        else ((HttpServletResponse) other).sendError(403, "No valid crumb was included in the request");
    }

    @Override
    public void destroy() {}
}
