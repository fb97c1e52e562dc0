package io.jenkins.plugins.casc;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What is below a name in a YAML file: names and their texts, which are plain, quoted, or a block of lines ("|"). Enough YAML for that. */
record Section(Map<String, String> values) {
    private static final Pattern ENTRY = Pattern.compile("^ +([\\w-]+):[ \t]*(.*?)[ \t]*$");

    /** The section of that name below that one of the top level. */
    static Optional<Section> read(String yaml, String above, String name) {
        Matcher top = Pattern.compile("(?m)^" + above + ":[ \\t]*\\n((?:[ \\t]+.*\\n?|\\n)*)").matcher(yaml);
        if (!top.find()) return Optional.empty();
        Matcher head = Pattern.compile("(?m)^( +)" + name + ":[ \\t]*\\n((?:\\1 +.*\\n?|[ \\t]*\\n)*)").matcher(top.group(1));
        if (!head.find()) return Optional.empty();
        Map<String, String> values = new LinkedHashMap<>();
        List<String> lines = head.group(2).lines().collect(Collectors.toList());
        for (int at = 0; at < lines.size(); at++) {
            Matcher entry = ENTRY.matcher(lines.get(at));
            if (!entry.find()) continue;
            boolean block = entry.group(2).matches("\\|[-+]?");
            int end = at + 1;
            while (block && end < lines.size() && (lines.get(end).isBlank() || indent(lines.get(end)) > indent(lines.get(at)))) end++;
            values.put(entry.group(1), block ? block(lines.subList(at + 1, end), entry.group(2).equals("|")) : scalar(entry.group(2)));
            at = end - 1;
        }
        return Optional.of(new Section(values));
    }

    private static String block(List<String> lines, boolean ends) {
        int indent = lines.stream().filter(line -> !line.isBlank()).mapToInt(Section::indent).min().orElse(0);
        String text = lines.stream().map(line -> line.substring(Math.min(indent, line.length()))).collect(Collectors.joining("\n")).stripTrailing();
        return ends && !text.isEmpty() ? text + "\n" : text;
    }

    private static String scalar(String text) {
        if (text.matches("\".*\"")) return text.substring(1, text.length() - 1).replace("\\n", "\n").replace("\\\"", "\"");
        if (text.matches("'.*'")) return text.substring(1, text.length() - 1).replace("''", "'");
        return text;
    }

    private static int indent(String line) {
        return line.length() - line.stripLeading().length();
    }
}
