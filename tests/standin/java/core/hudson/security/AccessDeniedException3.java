package hudson.security;

import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.core.Authentication;

/** Somebody lacks a right; carries both for the answer's headers. */
public class AccessDeniedException3 extends AccessDeniedException {
    public final Authentication authentication;
    public final Permission permission;

    public AccessDeniedException3(Authentication authentication, Permission permission) {
        super(authentication.getName() + " is missing the " + permission.getId() + " permission");
        this.authentication = authentication;
        this.permission = permission;
    }
}
