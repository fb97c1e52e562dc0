package hudson.tasks;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.File;
import jenkins.model.GlobalConfiguration;
import jenkins.model.Jenkins;

/** Sends mails, here into the outbox of the test bench; without an SMTP host none leaves. */
public class Mailer {
    public static DescriptorImpl descriptor() {
        return (DescriptorImpl) Jenkins.get().getDescriptor("hudson.tasks.Mailer");
    }

    public static class DescriptorImpl extends GlobalConfiguration {
        private String smtpHost;

        public String getSmtpHost() {
            return smtpHost;
        }

        public void setSmtpHost(String host) {
            smtpHost = host == null || host.isEmpty() ? null : host;
            save();
        }

        @Override
        protected String toXml() {
            return JsonOutput.toJson(java.util.Collections.singletonMap("smtpHost", smtpHost));
        }

        @Override
        protected void fromXml(File file) {
            smtpHost = (String) standin.boot.Options.object(new JsonSlurperClassic().parse(file, "UTF-8")).get("smtpHost");
        }
    }

    /** A user's e-mail address. */
    public static class UserProperty extends hudson.model.UserProperty {
        private String emailAddress;

        public UserProperty() {}

        public UserProperty(String address) {
            emailAddress = address;
        }

        public String getAddress() {
            return emailAddress;
        }

        public String getEmailAddress() {
            return emailAddress;
        }
    }
}
