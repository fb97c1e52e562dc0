package hudson;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The implementations of an extension point. Plugins add theirs when they start; a test may add one. */
public class ExtensionList<T> extends CopyOnWriteArrayList<T> {
    private static final Map<Class<?>, ExtensionList<?>> KNOWN = new ConcurrentHashMap<>();

    @SuppressWarnings("unchecked")
    public static <T> ExtensionList<T> lookup(Class<T> type) {
        return (ExtensionList<T>) KNOWN.computeIfAbsent(type, any -> new ExtensionList<>());
    }

    /** The one implementation of this class. */
    public static <T> T lookupSingleton(Class<T> type) {
        List<T> found = lookup(type);
        if (found.size() != 1) throw new IllegalStateException("Expected 1 instance of " + type.getName() + " but got " + found.size());
        return found.get(0);
    }
}
