package io.jenkins.plugins.twofactor.jenkins;

import hudson.model.User;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import standin.web.Exchange;

/** Users and groups below the administrator's page: most of it needs Overall/Read only. Read in the source, not recorded. */
final class GroupPages {
    private GroupPages() {}

    /** `from` is the place of the first segment below `userManagement`. */
    static boolean serve(Exchange exchange, int from) throws Exception {
        String group = exchange.request.getParameter("groupName");
        switch (exchange.at(from)) {
            case "" -> exchange.redirect(exchange.context() + "/manage/tfaGlobalConfig/userManagement/users");
            case "users" -> exchange.html(200, "User Management", "<h2>User List</h2>" + User.getAll().stream().map(User::getId).collect(Collectors.joining(" ")));
            case "groups" -> exchange.html(200, "User Management", "<h2>Groups</h2>" + GroupManager.getAllGroups().stream().map(Group::getName).collect(Collectors.joining(" ")));
            case "manageGroup" -> {
                exchange.require(Jenkins.ADMINISTER);
                if (isGiven(group)) exchange.html(200, "Manage Group", "<h2>Manage Group</h2>");
                else exchange.leaveFor("./groups");
            }
            case "createGroup" -> {
                if (!exchange.isPost()) return true;
                if (isGiven(group)) GroupManager.getOrCreateGroup(group.trim());
                exchange.leaveFor("./groups");
            }
            case "deleteGroup" -> {
                if (!exchange.isPost()) return true;
                if (isGiven(group)) GroupManager.get().deleteGroup(group.trim());
                exchange.leaveFor("./groups");
            }
            case "allUsers" -> { // a list whose members are pages, if Jenkins' rules for such lists allow it
                List<User> users = new ArrayList<>(User.getAll());
                String number = exchange.at(from + 1);
                return number.matches("\\d{1,6}") && Integer.parseInt(number) < users.size() && PluginEntry.ofUser(exchange, users.get(Integer.parseInt(number)), from + 2);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean isGiven(String group) {
        return group != null && !group.isBlank();
    }
}
