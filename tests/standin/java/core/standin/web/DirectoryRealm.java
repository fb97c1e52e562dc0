package standin.web;

import hudson.security.AbstractPasswordBasedSecurityRealm;
import hudson.security.GroupDetails;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.core.userdetails.UsernameNotFoundException;

/** A realm with groups, as a directory service has them; users and groups come from the launch options. */
public final class DirectoryRealm extends AbstractPasswordBasedSecurityRealm {
    private final Map<String, Map<String, Object>> users;

    DirectoryRealm(Map<String, Map<String, Object>> users) {
        this.users = users;
    }

    @Override
    protected UserDetails authenticate2(String name, String password) {
        UserDetails details = loadUserByUsername2(name);
        if (!users.get(details.getUsername()).get("password").equals(password)) throw new BadCredentialsException("Bad credentials");
        return details;
    }

    @Override
    public UserDetails loadUserByUsername2(String name) {
        String id = users.keySet().stream().filter(known -> getUserIdStrategy().equals(known, name)).findFirst()
            .orElseThrow(() -> new UsernameNotFoundException(name));
        List<GrantedAuthority> authorities = new ArrayList<>(List.of(AUTHENTICATED_AUTHORITY2));
        groups(id).forEach(group -> authorities.add(new SimpleGrantedAuthority(group)));
        return new User(id, "", authorities);
    }

    @Override
    public GroupDetails loadGroupByGroupname2(String name, boolean members) {
        Set<String> found = new LinkedHashSet<>();
        users.keySet().stream().filter(id -> groups(id).stream().anyMatch(group -> getGroupIdStrategy().equals(group, name))).forEach(found::add);
        if (found.isEmpty()) throw new UsernameNotFoundException(name);
        return new GroupDetails() {
            @Override
            public String getName() {
                return name;
            }

            @Override
            public Set<String> getMembers() {
                return members ? found : null;
            }
        };
    }

    @SuppressWarnings("unchecked")
    private List<String> groups(String id) {
        return (List<String>) users.get(id).getOrDefault("groups", List.of());
    }
}
