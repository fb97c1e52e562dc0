package hudson.security;

import jenkins.model.IdStrategy;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.userdetails.UserDetails;

/** Who exists, and who is who. */
public abstract class SecurityRealm {
    public static final GrantedAuthority AUTHENTICATED_AUTHORITY2 = new SimpleGrantedAuthority("authenticated");

    public IdStrategy getUserIdStrategy() {
        return IdStrategy.CASE_INSENSITIVE;
    }

    public IdStrategy getGroupIdStrategy() {
        return IdStrategy.CASE_INSENSITIVE;
    }

    public abstract UserDetails loadUserByUsername2(String name);

    public abstract GroupDetails loadGroupByGroupname2(String name, boolean members);

    /** Log-in by name and password; throws an AuthenticationException. */
    public abstract Authentication authenticateByPassword(String name, String password);
}
