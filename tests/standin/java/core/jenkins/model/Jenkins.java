package jenkins.model;

import hudson.ExtensionList;
import hudson.PluginManager;
import hudson.model.Descriptor;
import hudson.model.FreeStyleProject;
import hudson.security.ACL;
import hudson.security.AuthorizationStrategy;
import hudson.security.Permission;
import hudson.security.SecurityRealm;
import hudson.security.csrf.CrumbIssuer;
import hudson.security.csrf.DefaultCrumbIssuer;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.servlet.ServletContext;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.context.SecurityContextHolder;
import standin.boot.Host;

/** The one instance; the part of its interface that scripts and plugins of this project's interest use. */
public class Jenkins extends JenkinsContext {
    public static final Permission ADMINISTER = Permission.HUDSON_ADMINISTER;
    public static final Permission READ = Permission.READ;
    public static final String SESSION_HASH = UUID.randomUUID().toString().substring(0, 8);
    public static final String RESOURCE_PATH = "/static/" + SESSION_HASH;
    public static final Authentication ANONYMOUS2 =
        new AnonymousAuthenticationToken("anonymous", "anonymous", List.of(new SimpleGrantedAuthority("anonymous")));
    public static String VERSION = "?";

    private static volatile Jenkins instance;

    public final PluginManager pluginManager;
    public final transient Host host;
    private final File root;
    private final List<Descriptor> descriptors = new CopyOnWriteArrayList<>();
    private final Map<String, FreeStyleProject> jobs = new LinkedHashMap<>();
    private final ThreadLocal<String> calledRootUrl = new ThreadLocal<>();
    private volatile SecurityRealm securityRealm;
    private volatile AuthorizationStrategy authorizationStrategy;
    private volatile boolean quietingDown;
    private volatile CrumbIssuer crumbIssuer = new DefaultCrumbIssuer();
    private volatile String systemMessage;

    protected Jenkins(File home, ServletContext context, Host host) {
        super(context);
        this.host = host;
        root = home;
        VERSION = host.options.jenkinsVersion;
        instance = this;
        try {
            pluginManager = new PluginManager(host);
        } catch (IOException problem) {
            throw new java.io.UncheckedIOException(problem);
        }
        host.options.jobs.forEach(name -> jobs.put(name, new FreeStyleProject(name)));
    }

    public static Jenkins get() {
        return instance;
    }

    public static Jenkins getInstance() {
        return instance;
    }

    public static Jenkins getInstanceOrNull() {
        return instance;
    }

    public static String getVersion() {
        return VERSION;
    }

    public static Authentication getAuthentication2() {
        Authentication who = SecurityContextHolder.getContext().getAuthentication();
        return who == null ? ANONYMOUS2 : who;
    }

    public File getRootDir() {
        return root;
    }

    public PluginManager getPluginManager() {
        return pluginManager;
    }

    /** The configured URL, else that of the request being served, else null: servlet filters run before a request is being served. */
    public String getRootUrl() {
        String configured = JenkinsLocationConfiguration.get().getUrl();
        return configured != null ? configured : calledRootUrl.get();
    }

    /** Says which request this thread serves; null at its end. */
    public void serving(String rootUrl) {
        calledRootUrl.set(rootUrl);
    }

    public String getConfiguredRootUrl() {
        return JenkinsLocationConfiguration.get().getUrl();
    }

    public SecurityRealm getSecurityRealm() {
        return securityRealm;
    }

    public void setSecurityRealm(SecurityRealm realm) {
        securityRealm = realm;
    }

    public AuthorizationStrategy getAuthorizationStrategy() {
        return authorizationStrategy;
    }

    public void setAuthorizationStrategy(AuthorizationStrategy strategy) {
        authorizationStrategy = strategy;
    }

    /** Null: forged requests are not looked for. */
    public CrumbIssuer getCrumbIssuer() {
        return crumbIssuer;
    }

    public void setCrumbIssuer(CrumbIssuer issuer) {
        crumbIssuer = issuer;
    }

    public String getSystemMessage() {
        return systemMessage;
    }

    public void setSystemMessage(String text) {
        systemMessage = text;
    }

    public boolean isUseSecurity() {
        return true;
    }

    public ACL getACL() {
        return authorizationStrategy.getRootACL();
    }

    public boolean hasPermission(Permission permission) {
        return getACL().hasPermission(permission);
    }

    public void checkPermission(Permission permission) {
        getACL().checkPermission(permission);
    }

    public boolean isQuietingDown() {
        return quietingDown;
    }

    public void doQuietDown() {
        checkPermission(ADMINISTER);
        quietingDown = true;
    }

    public void doCancelQuietDown() {
        checkPermission(ADMINISTER);
        quietingDown = false;
    }

    public void restart() {
        host.requestRestart();
    }

    public void safeRestart() {
        quietingDown = true;
        host.requestRestart();
    }

    public void reload() {}

    public void save() {}

    public void addDescriptor(Descriptor descriptor) {
        descriptors.add(descriptor);
    }

    public List<Descriptor> getDescriptors() {
        return descriptors;
    }

    public Descriptor getDescriptor(String id) {
        return descriptors.stream().filter(found -> found.getId().equals(id)).findFirst().orElse(null);
    }

    public <T extends Descriptor> T getDescriptorByType(Class<T> type) {
        return descriptors.stream().filter(type::isInstance).map(type::cast).findFirst().orElse(null);
    }

    public <T> ExtensionList<T> getExtensionList(Class<T> type) {
        return ExtensionList.lookup(type);
    }

    public FreeStyleProject getItem(String name) {
        return jobs.get(name);
    }

    public FreeStyleProject getItemByFullName(String name) {
        return jobs.get(name);
    }

    public Collection<FreeStyleProject> getItems() {
        return jobs.values();
    }

    /** Identifies this Jenkins over restarts: made once, kept in the home. The first two who ask get the same. */
    public synchronized String getLegacyInstanceId() {
        File file = new File(root, "secret.key");
        try {
            if (!file.isFile()) Files.writeString(file.toPath(), UUID.randomUUID().toString().replace("-", "") + UUID.randomUUID().toString().replace("-", ""));
            byte[] digest = java.security.MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file.toPath()));
            return String.format("%064x", new java.math.BigInteger(1, digest));
        } catch (IOException | java.security.NoSuchAlgorithmException problem) {
            throw new IllegalStateException(problem);
        }
    }
}
