package hudson.model;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import hudson.util.AtomicFileWriter;
import hudson.util.Secret;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jenkins.model.Jenkins;

/** Users on disk. A property whose class is gone is not read, and is lost when the user is saved next. */
final class UserStore {
    private UserStore() {}

    static File folder(String id) {
        return new File(Jenkins.get().getRootDir(), "users/" + Jenkins.get().getSecurityRealm().getUserIdStrategy().keyFor(id));
    }

    static synchronized void save(User user) {
        Map<String, Object> properties = new LinkedHashMap<>();
        user.getAllProperties().forEach(property -> properties.put(property.getClass().getName(), fields(property)));
        File file = new File(folder(user.getId()), "config.json");
        file.getParentFile().mkdirs();
        try {
            AtomicFileWriter writer = new AtomicFileWriter(file.toPath(), StandardCharsets.UTF_8);
            try {
                writer.write(JsonOutput.toJson(Map.of("id", user.getId(), "properties", properties)));
                writer.commit();
            } finally {
                writer.abort();
            }
        } catch (IOException problem) {
            throw new java.io.UncheckedIOException(problem);
        }
    }

    @SuppressWarnings("unchecked")
    static User load(File file) {
        Map<String, Object> stored = (Map<String, Object>) new JsonSlurperClassic().parse(file, "UTF-8");
        User user = new User((String) stored.get("id"));
        ((Map<String, Map<String, Object>>) stored.get("properties")).forEach((type, fields) -> {
            try {
                Constructor<?> maker = Jenkins.get().getPluginManager().uberClassLoader.loadClass(type).getDeclaredConstructor();
                maker.setAccessible(true);
                UserProperty property = (UserProperty) maker.newInstance();
                for (Field field : kept(property)) if (fields.get(field.getName()) != null) field.set(property, read(field.getType(), fields.get(field.getName())));
                user.put(property);
            } catch (ClassNotFoundException gone) {
                // its plugin is not active
            } catch (ReflectiveOperationException problem) {
                throw new IllegalStateException(type, problem);
            }
        });
        return user;
    }

    private static Object read(Class<?> type, Object stored) {
        if (type == Secret.class) return Secret.fromString((String) stored);
        return type == Set.class ? new HashSet<>((List<?>) stored) : stored;
    }

    private static Map<String, Object> fields(UserProperty property) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (Field field : kept(property)) {
            try {
                Object value = field.get(property);
                values.put(field.getName(), value instanceof Secret ? ((Secret) value).getEncryptedValue() : value);
            } catch (IllegalAccessException problem) {
                throw new IllegalStateException(problem);
            }
        }
        return values;
    }

    private static Iterable<Field> kept(UserProperty property) {
        java.util.List<Field> found = new java.util.ArrayList<>();
        for (Field field : property.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || Modifier.isTransient(field.getModifiers())) continue;
            field.setAccessible(true);
            found.add(field);
        }
        return found;
    }
}
