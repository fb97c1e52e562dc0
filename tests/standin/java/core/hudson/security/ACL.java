package hudson.security;

import jenkins.model.Jenkins;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.core.context.SecurityContextImpl;

/** Who may do what. */
public abstract class ACL {
    public static final Authentication SYSTEM2 = new UsernamePasswordAuthenticationToken("SYSTEM", "SYSTEM");

    public abstract boolean hasPermission2(Authentication who, Permission permission);

    public boolean hasPermission(Permission permission) {
        return hasPermission2(Jenkins.getAuthentication2(), permission);
    }

    public void checkPermission(Permission permission) {
        Authentication who = Jenkins.getAuthentication2();
        if (!hasPermission2(who, permission)) throw new AccessDeniedException3(who, permission);
    }

    public static ACLContext as2(Authentication who) {
        SecurityContext before = SecurityContextHolder.getContext();
        SecurityContextHolder.setContext(new SecurityContextImpl(who));
        return new ACLContext(before);
    }
}
