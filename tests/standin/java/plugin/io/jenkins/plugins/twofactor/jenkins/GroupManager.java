package io.jenkins.plugins.twofactor.jenkins;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jenkins.model.GlobalConfiguration;
import jenkins.model.Jenkins;

/** The plugin's named groups; nothing of the free edition reads them. Only the methods of this class are known: what a group is and how it keeps its users is made up. */
public class GroupManager extends GlobalConfiguration {
    private final Map<String, Group> groups = new LinkedHashMap<>();

    public static GroupManager get() {
        return Jenkins.get().getDescriptorByType(GroupManager.class);
    }

    public synchronized List<Group> getAllGroups() {
        return new ArrayList<>(groups.values());
    }

    public synchronized Group getOrCreateGroup(String name) {
        return groups.computeIfAbsent(name, Group::new);
    }

    public synchronized void deleteGroup(String name) {
        groups.remove(name);
    }

    /** A name and the ids of its users. */
    public static final class Group {
        private final String name;
        private final Set<String> users = new LinkedHashSet<>();

        Group(String name) {
            this.name = name;
        }

        public String getName() {
            return name;
        }

        public Set<String> getUsers() {
            return users;
        }
    }
}
