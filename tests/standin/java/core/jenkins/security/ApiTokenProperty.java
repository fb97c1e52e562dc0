package jenkins.security;

import hudson.model.User;
import hudson.model.UserProperty;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import standin.boot.Tokens;

/** The API tokens of a user. Every user has this property, also one without a token; here it is no part of the user's file. */
public class ApiTokenProperty extends UserProperty {
    private final transient String owner;

    public ApiTokenProperty(User owner) {
        this.owner = owner.getId();
    }

    public Collection<String> getTokenList() {
        try {
            return Tokens.load(Jenkins.get().host.options).entrySet().stream()
                .filter(one -> Jenkins.get().getSecurityRealm().getUserIdStrategy().equals(one.getValue(), owner))
                .map(one -> one.getKey().substring(0, 2)).collect(Collectors.toList());
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }
}
