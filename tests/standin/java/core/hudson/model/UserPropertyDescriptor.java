package hudson.model;

import net.sf.json.JSONObject;

/** A kind of user property. Every user has one of each kind: Jenkins makes those that are missing when it meets the user. */
public abstract class UserPropertyDescriptor extends Descriptor {
    public final Class<? extends UserProperty> clazz;

    protected UserPropertyDescriptor(Class<? extends UserProperty> type) {
        clazz = type;
    }

    @Override
    public String getId() {
        return clazz.getName();
    }

    public abstract UserProperty newInstance(User user);

    /** What the user's own form makes of this property. */
    public abstract UserProperty fromForm(JSONObject form);
}
