package hudson.model;

/** The word with which a build may be triggered by a plain GET. */
public class BuildAuthorizationToken {
    private final String token;

    public BuildAuthorizationToken(String token) {
        this.token = token;
    }

    public String getToken() {
        return token;
    }
}
