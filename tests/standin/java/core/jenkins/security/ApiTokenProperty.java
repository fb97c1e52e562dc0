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

    public Collection<TokenInfoAndStats> getTokenList() {
        return JenkinsRun.tokensOf(owner);
    }

    /** What Jenkins tells about a token: fields, no properties. */
    public static class TokenInfoAndStats {
        public final String name;
        public final boolean isLegacy;
        public final int useCounter;
        public final long numDaysCreation;

        public TokenInfoAndStats(String name, boolean legacy, int uses, long days) {
            this.name = name;
            isLegacy = legacy;
            useCounter = uses;
            numDaysCreation = days;
        }
    }
}
