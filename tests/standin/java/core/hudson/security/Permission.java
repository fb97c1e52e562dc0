package hudson.security;

/** A right, known by its id; Administer implies every other. */
public final class Permission {
    public static final Permission HUDSON_ADMINISTER = new Permission("hudson.model.Hudson", "Administer");
    public static final Permission READ = new Permission("hudson.model.Hudson", "Read");

    public final String name;
    private final String group;

    public Permission(String group, String name) {
        this.group = group;
        this.name = name;
    }

    public String getId() {
        return group + "." + name;
    }

    @Override
    public String toString() {
        return "Permission[" + getId() + "]";
    }
}
