package standin.web;

import hudson.model.User;
import hudson.model.UserPropertyDescriptor;
import java.util.List;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import net.sf.json.JSONException;
import net.sf.json.JSONObject;

/** What Jenkins' own form of a user makes of plugins' properties: `userProperty<number>` of the kind with that number. Read in the source, not recorded. */
public final class UserForm {
    private UserForm() {}

    /** `from` is the place of the first segment below the user; newer versions of Jenkins have a form a section. */
    public static void submit(Exchange exchange, User user, int from) {
        boolean form = exchange.at(from).equals("configSubmit") || exchange.at(from + 1).equals("configSubmit");
        String json = exchange.request.getParameter("json");
        if (!form || user == null || json == null || !exchange.request.getMethod().equals("POST")) return;
        if (user != User.current()) exchange.require(Jenkins.ADMINISTER);
        List<UserPropertyDescriptor> kinds = Jenkins.get().getDescriptors().stream().filter(UserPropertyDescriptor.class::isInstance)
            .map(UserPropertyDescriptor.class::cast).collect(Collectors.toList());
        try {
            JSONObject given = JSONObject.fromObject(json);
            for (int number = 0; number < kinds.size(); number++) {
                JSONObject property = given.optJSONObject("userProperty" + number);
                if (property != null) user.addProperty(kinds.get(number).fromForm(property));
            }
        } catch (JSONException incomplete) {
            // the form is refused
        }
    }
}
