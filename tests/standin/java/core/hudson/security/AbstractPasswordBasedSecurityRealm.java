package hudson.security;

import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.userdetails.UserDetails;

/** A realm that checks passwords itself. */
public abstract class AbstractPasswordBasedSecurityRealm extends SecurityRealm {
    protected abstract UserDetails authenticate2(String name, String password);

    @Override
    public Authentication authenticateByPassword(String name, String password) {
        UserDetails details = authenticate2(name, password);
        return new UsernamePasswordAuthenticationToken(details.getUsername(), "", details.getAuthorities());
    }
}
