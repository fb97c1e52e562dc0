package io.jenkins.plugins.twofactor.jenkins;

import java.io.File;
import java.io.StringReader;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import jenkins.model.Jenkins;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** The file of the groups. An empty one is as recorded; how a group is written follows Jenkins' ways, and was not recorded. */
final class GroupsXml {
    private static final String ROOT = GroupManager.class.getName();

    private GroupsXml() {}

    static String write(Map<String, Group> groups) {
        String version = Jenkins.get().getPluginManager().getPlugin("miniorange-two-factor").getVersion();
        StringBuilder xml = new StringBuilder("<?xml version='1.1' encoding='UTF-8'?>\n<" + ROOT + " plugin=\"miniorange-two-factor@" + version + "\">\n  <groups class=\"concurrent-hash-map\"");
        if (groups.isEmpty()) return xml.append("/>\n</" + ROOT + ">").toString();
        xml.append(">\n");
        groups.forEach((name, group) -> {
            xml.append("    <entry>\n").append(SettingsXml.element("      ", "string", name)).append("      <" + Group.class.getName() + ">\n")
                .append(SettingsXml.element("        ", "name", group.getName()));
            if (group.getUsernames().isEmpty()) xml.append("        <usernames/>\n");
            else {
                xml.append("        <usernames>\n");
                group.getUsernames().forEach(user -> xml.append(SettingsXml.element("          ", "string", user)));
                xml.append("        </usernames>\n");
            }
            xml.append(SettingsXml.element("        ", "is2faEnabled", group.is2faEnabled())).append("      </" + Group.class.getName() + ">\n    </entry>\n");
        });
        return xml.append("  </groups>\n</" + ROOT + ">").toString();
    }

    static Map<String, Group> read(File file) throws Exception {
        String text = Files.readString(file.toPath()).replaceFirst("^<\\?xml version=.1\\.1.", "<?xml version='1.0'");
        NodeList found = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(text))).getElementsByTagName(Group.class.getName());
        Map<String, Group> groups = new LinkedHashMap<>();
        for (int number = 0; number < found.getLength(); number++) {
            Element one = (Element) found.item(number);
            NodeList users = one.getElementsByTagName("string");
            Set<String> names = new HashSet<>();
            for (int user = 0; user < users.getLength(); user++) names.add(users.item(user).getTextContent());
            String name = one.getElementsByTagName("name").item(0).getTextContent();
            groups.put(name, Group.of(name, names, Boolean.parseBoolean(one.getElementsByTagName("is2faEnabled").item(0).getTextContent())));
        }
        return groups;
    }
}
