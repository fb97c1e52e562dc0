package io.jenkins.plugins.twofactor.jenkins;

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Logger;
import jenkins.model.Jenkins;
import jenkins.model.GlobalConfiguration;

/** The plugin's named groups; nothing of the free edition reads them. */
public class GroupManager extends GlobalConfiguration {
    private static final Logger LOGGER = Logger.getLogger(GroupManager.class.getName());
    private Map<String, Group> groups = new ConcurrentHashMap<>();

    public GroupManager() {
        load();
        save();
    }

    public static GroupManager get() {
        return Jenkins.get().getDescriptorByType(GroupManager.class);
    }

    public static Group getOrCreateGroup(String name) {
        Group known = getGroup(name);
        if (known != null) return known;
        Group made = new Group(name);
        get().groups.put(name, made);
        get().save();
        return made;
    }

    public static Group getGroup(String name) {
        return get().groups.get(name);
    }

    public static List<Group> getAllGroups() {
        return new ArrayList<>(get().groups.values());
    }

    public void setGroups(Map<String, Group> given) {
        groups = given;
    }

    public void deleteGroup(String name) {
        if (groups.remove(name) != null) save();
    }

    @Override
    protected String toXml() {
        return GroupsXml.write(groups);
    }

    @Override
    protected void fromXml(File file) throws Exception {
        groups.putAll(GroupsXml.read(file));
    }
}
