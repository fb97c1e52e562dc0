package jenkins.security;

import hudson.model.User;
import hudson.model.UserProperty;
import java.util.Collection;
import standin.web.JenkinsRun;

/** The API tokens of a user. Every user has this property, also one without a token; here it is no part of the user's file. */
public class ApiTokenProperty extends UserProperty {
    private final transient String owner;

    public ApiTokenProperty(User owner) {
        this.owner = owner.getId();
    }

    /** Jenkins tells names and uses of each; here only how many there are. */
    public Collection<?> getTokenList() {
        return JenkinsRun.tokensOf(owner);
    }
}
