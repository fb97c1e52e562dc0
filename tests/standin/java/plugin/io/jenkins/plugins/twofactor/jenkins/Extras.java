package io.jenkins.plugins.twofactor.jenkins;

import java.io.File;
import java.io.StringReader;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** The fields that other editions add to the settings, kept in the same file: one element a field, none for null. */
final class Extras {
    private static final Set<String> FREE = Set.of("enableTfa", "enableTfaForAllUsers", "enableSecurityQuestionsAuthentication", "otpOverEmailDto", "moAdvancedSettingsDTO");

    private Extras() {}

    static String write(MoGlobalConfig config) {
        StringBuilder xml = new StringBuilder();
        try {
            for (Field field : fields()) xml.append(SettingsXml.element("  ", field.getName(), field.get(config)));
        } catch (IllegalAccessException problem) {
            throw new IllegalStateException(problem);
        }
        return xml.toString();
    }

    static void read(MoGlobalConfig config, File file) throws Exception {
        String text = Files.readString(file.toPath()).replaceFirst("^<\\?xml version=.1\\.1.", "<?xml version='1.0'");
        for (Field field : fields()) {
            NodeList found = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(text))).getElementsByTagName(field.getName());
            if (found.getLength() > 0) field.set(config, parse(field.getType(), found.item(0).getTextContent()));
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object parse(Class<?> type, String text) {
        if (type == boolean.class || type == Boolean.class) return Boolean.valueOf(text);
        if (type == int.class) return Integer.valueOf(text);
        if (type.isEnum()) return Enum.valueOf((Class) type, text);
        return text;
    }

    private static List<Field> fields() {
        List<Field> found = new ArrayList<>();
        for (Field field : MoGlobalConfig.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || FREE.contains(field.getName())) continue;
            field.setAccessible(true);
            found.add(field);
        }
        return found;
    }
}
