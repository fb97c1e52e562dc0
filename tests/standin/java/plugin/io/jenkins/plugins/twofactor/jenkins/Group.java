package io.jenkins.plugins.twofactor.jenkins;

import java.io.Serializable;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.logging.Logger;

/** A named group; no code of the free edition adds a user or reads one. */
public class Group implements Serializable {
    private static final Logger LOGGER = Logger.getLogger(Group.class.getName());
    private static final long serialVersionUID = 1L;

    private String name;
    private Set<String> usernames = new HashSet<>();
    private boolean is2faEnabled = false;

    public Group() {}

    public Group(String name) {
        this.name = name;
    }

    public String getName() {
        return name;
    }

    public Set<String> getUsernames() {
        return Collections.unmodifiableSet(usernames);
    }

    boolean is2faEnabled() {
        return is2faEnabled;
    }

    static Group of(String name, Set<String> usernames, boolean enabled) {
        Group made = new Group(name);
        made.usernames.addAll(usernames);
        made.is2faEnabled = enabled;
        return made;
    }
}
