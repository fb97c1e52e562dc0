package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import hudson.security.csrf.CrumbExclusion;
import java.io.IOException;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpSession;

/** Crumbs protect verified sessions only. Asking makes a session. */
public final class MoTfaCrumbExclusion extends CrumbExclusion {
    @Override
    public boolean process(HttpServletRequest request, HttpServletResponse response, FilterChain chain) throws IOException, ServletException {
        HttpSession session = request.getSession();
        User user = User.current();
        if (user != null && session != null && MoFilter.isVerified(session, user)) return false;
        chain.doFilter(request, response);
        return true;
    }
}
