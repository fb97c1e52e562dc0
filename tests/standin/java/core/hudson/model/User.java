package hudson.model;

import java.io.File;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import jenkins.model.Jenkins;
import jenkins.security.ApiTokenProperty;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.userdetails.UserDetails;

/** Somebody whom this Jenkins has met; not everyone whom the realm knows. */
public class User {
    private static final Map<String, User> ALL = new ConcurrentSkipListMap<>();

    private final String id;
    private final Map<Class<?>, UserProperty> properties = new ConcurrentHashMap<>();
    private String fullName;

    User(String id) {
        this.id = id;
        this.fullName = id;
        Jenkins.get().getDescriptors().stream().filter(UserPropertyDescriptor.class::isInstance).forEach(kind -> put(((UserPropertyDescriptor) kind).newInstance(this)));
    }

    /** Reads every stored user; called once at start-up, when the plugins' classes can be loaded. */
    public static void loadAll() {
        ALL.put(key("SYSTEM"), new User("SYSTEM"));
        File[] folders = new File(Jenkins.get().getRootDir(), "users").listFiles();
        if (folders == null) return;
        for (File folder : folders) {
            File file = new File(folder, "config.json");
            if (file.isFile()) {
                User user = UserStore.load(file);
                ALL.put(key(user.id), user);
            }
        }
    }

    public static User getById(String id, boolean create) {
        if (id == null) return null;
        return create ? ALL.computeIfAbsent(key(id), none -> new User(id)) : ALL.get(key(id));
    }

    public static User get(String id) {
        return getById(id, true);
    }

    public static User get(String id, boolean create) {
        return getById(id, create);
    }

    /** The user of the request, or null for anonymous. */
    public static User current() {
        Authentication who = Jenkins.getAuthentication2();
        return who instanceof AnonymousAuthenticationToken ? null : getById(who.getName(), true);
    }

    public static Collection<User> getAll() {
        return new ArrayList<>(ALL.values());
    }

    public String getId() {
        return id;
    }

    public String getFullName() {
        return fullName;
    }

    public void setFullName(String name) {
        fullName = name;
    }

    public String getDisplayName() {
        return fullName;
    }

    public String getUrl() {
        return "user/" + id;
    }

    public <T extends UserProperty> T getProperty(Class<T> type) {
        UserProperty found = properties.get(type);
        return type.cast(found == null && type == ApiTokenProperty.class ? new ApiTokenProperty(this) : found);
    }

    public List<UserProperty> getAllProperties() {
        return new ArrayList<>(properties.values());
    }

    public void addProperty(UserProperty property) {
        put(property);
        save();
    }

    void put(UserProperty property) {
        property.belongTo(this);
        properties.put(property.getClass(), property);
    }

    public void save() {
        UserStore.save(this);
    }

    public void delete() {
        ALL.remove(key(id));
        File folder = UserStore.folder(id);
        File[] files = folder.listFiles();
        if (files != null) for (File file : files) file.delete();
        folder.delete();
    }

    public UserDetails getUserDetailsForImpersonation2() {
        Jenkins.get().host.faults.waitForLookup();
        return Jenkins.get().getSecurityRealm().loadUserByUsername2(id);
    }

    /** Throws UsernameNotFoundException for a user whom the realm does not know. */
    public Authentication impersonate2() {
        UserDetails details = getUserDetailsForImpersonation2();
        return new UsernamePasswordAuthenticationToken(details.getUsername(), "", details.getAuthorities());
    }

    /** The realm's groups without the built-in "authenticated": empty for Jenkins' own user database. */
    public List<String> getAuthorities() {
        try {
            return getUserDetailsForImpersonation2().getAuthorities().stream().map(group -> group.getAuthority())
                .filter(name -> !name.equals("authenticated")).sorted().collect(Collectors.toList());
        } catch (AuthenticationException unknown) {
            return List.of();
        }
    }

    @Override
    public String toString() {
        return id;
    }

    private static String key(String id) {
        return Jenkins.get().getSecurityRealm().getUserIdStrategy().keyFor(id);
    }
}
