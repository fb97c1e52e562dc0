package io.jenkins.plugins.openmfa;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;
import org.kohsuke.stapler.StaplerRequest2;
import standin.web.Exchange;

/** Jenkins' own page for security, of which the plugin's settings are a section: here nothing else. Read in the source, not recorded. */
final class SecurityPage {
    private static final String SECTION = MFAGlobalConfiguration.class.getName().replace('.', '-');

    private SecurityPage() {}

    static boolean serve(Exchange exchange, int from) throws IOException {
        switch (exchange.at(from)) {
            case "" -> {
                exchange.require(Jenkins.ADMINISTER);
                if (exchange.isPage()) exchange.html(200, "Security", "<h1>Security</h1><form method=\"post\" action=\"configure\"><h2>OpenMFA</h2></form>");
            }
            case "configure" -> {
                if (!exchange.isPost()) return true;
                exchange.require(Jenkins.ADMINISTER);
                JSONObject form = exchange.form();
                if (form == null) return true;
                JSONObject section = form.optJSONObject(SECTION);
                MFAGlobalConfiguration.get().configure(SecurityPage::bind, section == null ? new JSONObject() : section);
                exchange.done(exchange.context() + "/manage");
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What has no setter is ignored. */
    private static void bind(Object bean, JSONObject form) {
        for (Object name : form.keySet()) {
            String setter = "set" + Character.toUpperCase(name.toString().charAt(0)) + name.toString().substring(1);
            Arrays.stream(bean.getClass().getDeclaredMethods()).filter(method -> method.getName().equals(setter)).forEach(method -> call(bean, method, form, name.toString()));
        }
    }

    private static void call(Object bean, Method setter, JSONObject form, String name) {
        try {
            setter.invoke(bean, setter.getParameterTypes()[0] == boolean.class ? (Object) form.getBoolean(name) : form.getString(name));
        } catch (IllegalAccessException | InvocationTargetException problem) {
            throw new IllegalStateException(problem);
        }
    }
}
