package hudson.security;

import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.core.context.SecurityContextHolder;

/** Puts the former authentication back when closed. */
public class ACLContext implements AutoCloseable {
    private final SecurityContext before;

    ACLContext(SecurityContext before) {
        this.before = before;
    }

    @Override
    public void close() {
        SecurityContextHolder.setContext(before);
    }
}
