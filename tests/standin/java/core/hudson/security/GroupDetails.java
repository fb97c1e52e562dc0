package hudson.security;

import java.util.Set;

/** A group as the realm knows it. */
public abstract class GroupDetails {
    public abstract String getName();

    public String getDisplayName() {
        return getName();
    }

    /** The members' names, or null when the realm does not tell. */
    public Set<String> getMembers() {
        return null;
    }
}
