package hudson.security;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jenkins.model.Jenkins;
import org.jenkinsci.plugins.matrixauth.AuthorizationType;
import org.jenkinsci.plugins.matrixauth.PermissionEntry;
import org.springframework.security.core.Authentication;

/** The matrix: rights by user or group. */
public class GlobalMatrixAuthorizationStrategy extends AuthorizationStrategy {
    private final Map<Permission, Set<PermissionEntry>> granted = new ConcurrentHashMap<>();

    public void add(Permission permission, PermissionEntry entry) {
        granted.computeIfAbsent(permission, none -> ConcurrentHashMap.newKeySet()).add(entry);
    }

    public Map<Permission, Set<PermissionEntry>> getGrantedPermissionEntries() {
        return granted;
    }

    @Override
    public ACL getRootACL() {
        return new ACL() {
            @Override
            public boolean hasPermission2(Authentication who, Permission permission) {
                return who == SYSTEM2 || has(who, permission) || has(who, Permission.HUDSON_ADMINISTER);
            }
        };
    }

    private boolean has(Authentication who, Permission permission) {
        SecurityRealm realm = Jenkins.get().getSecurityRealm();
        return granted.getOrDefault(permission, Set.of()).stream().anyMatch(entry ->
            entry.getType() == AuthorizationType.USER
                ? realm.getUserIdStrategy().equals(entry.getSid(), who.getName())
                : who.getAuthorities().stream().anyMatch(group -> realm.getGroupIdStrategy().equals(group.getAuthority(), entry.getSid())));
    }
}
