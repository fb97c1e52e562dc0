package io.jenkins.plugins.openmfa;

import java.io.File;
import java.io.StringReader;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import jenkins.model.GlobalConfiguration;
import jenkins.model.Jenkins;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** Keeps each field of the settings as an element of their file, in the order of the names; none for null. */
abstract class Stored extends GlobalConfiguration {
    @Override
    protected String toXml() {
        String root = getClass().getName(), version = Jenkins.get().getPluginManager().getPlugin("openmfa").getVersion();
        String elements = fields().stream().map(this::element).collect(Collectors.joining());
        return "<?xml version='1.1' encoding='UTF-8'?>\n<" + root + " plugin=\"openmfa@" + version + "\">\n" + elements + "</" + root + ">";
    }

    @Override
    protected void fromXml(File file) throws Exception {
        String text = Files.readString(file.toPath()).replaceFirst("^<\\?xml version=.1\\.1.", "<?xml version='1.0'");
        var document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(text)));
        for (Field field : fields()) {
            NodeList found = document.getElementsByTagName(field.getName());
            if (found.getLength() == 0) continue;
            String value = found.item(0).getTextContent();
            field.set(this, field.getType() == boolean.class ? (Object) Boolean.valueOf(value) : value);
        }
    }

    private String element(Field field) {
        try {
            Object value = field.get(this);
            if (value == null) return "";
            String text = value.toString().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&apos;").replace("\r", "&#xd;");
            return "  <" + field.getName() + ">" + text + "</" + field.getName() + ">\n";
        } catch (IllegalAccessException problem) {
            throw new IllegalStateException(problem);
        }
    }

    private List<Field> fields() {
        return Arrays.stream(getClass().getDeclaredFields()).filter(field -> !Modifier.isStatic(field.getModifiers()) && field.trySetAccessible())
            .sorted(Comparator.comparing(Field::getName)).collect(Collectors.toList());
    }
}
