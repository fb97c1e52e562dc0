package hudson.security;

import org.springframework.security.core.userdetails.UsernameNotFoundException;

/** The realm cannot tell whether there is such a user or group. */
public class UserMayOrMayNotExistException2 extends UsernameNotFoundException {
    public UserMayOrMayNotExistException2(String message) {
        super(message);
    }
}
