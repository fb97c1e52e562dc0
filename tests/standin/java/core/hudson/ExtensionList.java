package hudson;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The implementations of an extension point. No plugin here brings any of its own; a test may add one. */
public class ExtensionList<T> extends CopyOnWriteArrayList<T> {
    private static final Map<Class<?>, ExtensionList<?>> KNOWN = new ConcurrentHashMap<>();

    @SuppressWarnings("unchecked")
    public static <T> ExtensionList<T> lookup(Class<T> type) {
        return (ExtensionList<T>) KNOWN.computeIfAbsent(type, any -> new ExtensionList<>());
    }
}
