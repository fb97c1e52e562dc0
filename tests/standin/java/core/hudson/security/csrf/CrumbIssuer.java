package hudson.security.csrf;

import javax.servlet.ServletRequest;

/** Gives crumbs, and checks them. */
public abstract class CrumbIssuer {
    public abstract CrumbIssuerDescriptor getDescriptor();

    public abstract boolean validateCrumb(ServletRequest request, String salt, String crumb);
}
