package jenkins.model;

/** The page on which a part of the system configuration is shown. */
public abstract class GlobalConfigurationCategory {
    private static final Security SECURITY = new Security();

    public static GlobalConfigurationCategory get(Class<? extends GlobalConfigurationCategory> type) {
        if (type == Security.class) return SECURITY;
        throw new IllegalArgumentException(type.getName());
    }

    /** "Configure Global Security". */
    public static class Security extends GlobalConfigurationCategory {}
}
