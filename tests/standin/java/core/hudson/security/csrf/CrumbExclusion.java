package hudson.security.csrf;

import hudson.ExtensionPoint;
import java.io.IOException;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** Lets requests pass without a crumb: passes one on by itself and returns true, or returns false. */
public abstract class CrumbExclusion implements ExtensionPoint {
    public abstract boolean process(HttpServletRequest request, HttpServletResponse response, FilterChain chain) throws IOException, ServletException;
}
