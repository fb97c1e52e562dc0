package hudson.security;

/** The rule book behind the root access control list. */
public abstract class AuthorizationStrategy {
    public abstract ACL getRootACL();
}
