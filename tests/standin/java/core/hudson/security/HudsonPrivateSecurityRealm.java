package hudson.security;

import java.util.List;
import java.util.Map;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.core.userdetails.UsernameNotFoundException;

/** Jenkins' own user database: no groups, every user is just "authenticated". */
public class HudsonPrivateSecurityRealm extends AbstractPasswordBasedSecurityRealm {
    private final Map<String, String> passwords;

    /** Passwords by user id. */
    public HudsonPrivateSecurityRealm(Map<String, String> passwords) {
        this.passwords = Map.copyOf(passwords);
    }

    @Override
    protected UserDetails authenticate2(String name, String password) {
        UserDetails details = loadUserByUsername2(name);
        if (!passwords.get(details.getUsername()).equals(password)) throw new BadCredentialsException("Bad credentials");
        return details;
    }

    @Override
    public UserDetails loadUserByUsername2(String name) {
        String id = passwords.keySet().stream().filter(known -> getUserIdStrategy().equals(known, name)).findFirst()
            .orElseThrow(() -> new UsernameNotFoundException("user " + name + " does not exist"));
        return new User(id, "", List.of(AUTHENTICATED_AUTHORITY2));
    }

    @Override
    public GroupDetails loadGroupByGroupname2(String name, boolean members) {
        throw new UsernameNotFoundException(name);
    }
}
