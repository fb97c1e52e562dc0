package standin.web;

import hudson.security.GlobalMatrixAuthorizationStrategy;
import hudson.security.HudsonPrivateSecurityRealm;
import hudson.security.Permission;
import java.util.LinkedHashMap;
import java.util.Map;
import jenkins.model.Jenkins;
import org.jenkinsci.plugins.matrixauth.AuthorizationType;
import org.jenkinsci.plugins.matrixauth.PermissionEntry;

/** Realm and rights as the launch options say. */
final class Defaults {
    static final Permission BUILD = new Permission("hudson.model.Item", "Build");

    private Defaults() {}

    static HudsonPrivateSecurityRealm ownDatabase(Map<String, Map<String, Object>> users) {
        Map<String, String> passwords = new LinkedHashMap<>();
        users.forEach((id, about) -> passwords.put(id, (String) about.get("password")));
        return new HudsonPrivateSecurityRealm(passwords);
    }

    /** Administrators everything, everybody else Read and Build. */
    static GlobalMatrixAuthorizationStrategy matrix(Map<String, Map<String, Object>> users) {
        GlobalMatrixAuthorizationStrategy matrix = new GlobalMatrixAuthorizationStrategy();
        users.forEach((id, about) -> {
            PermissionEntry entry = new PermissionEntry(AuthorizationType.USER, id);
            if (Boolean.TRUE.equals(about.get("admin"))) matrix.add(Jenkins.ADMINISTER, entry);
            else {
                matrix.add(Jenkins.READ, entry);
                matrix.add(BUILD, entry);
            }
        });
        return matrix;
    }
}
