package standin.web;

import hudson.ExtensionList;
import hudson.security.csrf.CrumbExclusion;
import hudson.security.csrf.DefaultCrumbIssuer;
import java.io.IOException;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import jenkins.model.Jenkins;

/** A POST needs a crumb, unless it came with an API token or a plugin excludes it. Runs before the filters of plugins. */
final class CrumbFilter implements Filter {
    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest request = (HttpServletRequest) one;
        HttpServletResponse response = (HttpServletResponse) other;
        Jenkins jenkins = Jenkins.get();
        boolean needed = request.getMethod().equals("POST") && !Boolean.TRUE.equals(request.getAttribute(AuthFilter.BY_TOKEN)) && jenkins != null && jenkins.getCrumbIssuer() != null;
        if (needed) for (CrumbExclusion exclusion : ExtensionList.lookup(CrumbExclusion.class)) if (exclusion.process(request, response, chain)) return;
        if (!needed || DefaultCrumbIssuer.isValid(request)) chain.doFilter(request, response);
        else response.sendError(403, "No valid crumb was included in the request");
    }

    @Override
    public void destroy() {}
}
