package hudson.security.csrf;

/** Under which name a crumb is sent, and what is mixed into it. */
public final class CrumbIssuerDescriptor {
    private final String salt, field;

    CrumbIssuerDescriptor(String salt, String field) {
        this.salt = salt;
        this.field = field;
    }

    public String getCrumbSalt() {
        return salt;
    }

    public String getCrumbRequestField() {
        return field;
    }
}
