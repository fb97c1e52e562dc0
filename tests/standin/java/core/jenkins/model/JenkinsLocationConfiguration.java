package jenkins.model;

/** The configured root URL, which may differ from the URL that was called, or be absent. Lasts for one run: the options decide at the next. */
public class JenkinsLocationConfiguration extends GlobalConfiguration {
    private String url;
    private String adminAddress = "address not configured yet <nobody@nowhere>";

    public static JenkinsLocationConfiguration get() {
        return (JenkinsLocationConfiguration) Jenkins.get().getDescriptor("jenkins.model.JenkinsLocationConfiguration");
    }

    public String getUrl() {
        return url;
    }

    public void setUrl(String value) {
        url = value == null || value.isEmpty() ? null : value.endsWith("/") ? value : value + "/";
    }

    public String getAdminAddress() {
        return adminAddress;
    }

    public void setAdminAddress(String value) {
        adminAddress = value;
    }
}
