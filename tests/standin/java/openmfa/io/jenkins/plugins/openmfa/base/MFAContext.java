package io.jenkins.plugins.openmfa.base;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The one object of each service, made at its first use. */
public class MFAContext {
    private static final MFAContext INSTANCE = new MFAContext();

    private final Map<Class<?>, Object> services = new ConcurrentHashMap<>();

    private MFAContext() {}

    public static MFAContext i() {
        return INSTANCE;
    }

    public <T> T getService(Class<T> type) {
        return type.cast(services.computeIfAbsent(type, missing -> {
            try {
                return missing.getDeclaredConstructor().newInstance();
            } catch (ReflectiveOperationException problem) {
                throw new IllegalStateException(problem);
            }
        }));
    }
}
