package org.kohsuke.stapler;

import net.sf.json.JSONObject;

/** A request as the web framework of Jenkins hands it to plugins; only what forms need. */
public interface StaplerRequest2 {
    /** Calls the setters of those properties that the form has. */
    void bindJSON(Object bean, JSONObject form);
}
