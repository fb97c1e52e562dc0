package io.jenkins.plugins.casc;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Configuration-as-code, for the plugin's section only: it sets memory and saves, and knows nothing of the live flag. */
public class ConfigurationAsCode {
    private static ConfigurationAsCode instance;

    private final List<String> sources;

    ConfigurationAsCode(List<String> sources) {
        this.sources = sources;
        instance = this;
    }

    public static ConfigurationAsCode get() {
        return instance;
    }

    public List<String> getSources() {
        return sources;
    }

    public void configure() {
        files().map(ConfigurationAsCode::read).forEach(Section::apply);
    }

    private Stream<File> files() {
        return sources.stream().map(File::new).flatMap(source -> source.isDirectory()
            ? Arrays.stream(source.listFiles()).filter(file -> file.getName().matches(".*\\.ya?ml")).sorted() : Stream.of(source));
    }

    private static Section read(File file) {
        try {
            return new Section(Files.readString(file.toPath()));
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    /** The lines below `moGlobalConfig:` that are indented more than it. */
    record Section(String yaml) {
        private static final Pattern HEAD = Pattern.compile("(?m)^( +)moGlobalConfig:\\s*\\n((?:\\1 +.*\\n?)*)");

        void apply() {
            Matcher head = HEAD.matcher(yaml);
            if (!head.find()) return;
            Settings settings = new Settings();
            value(head.group(2), "enableTfa", settings::enableTfa);
            value(head.group(2), "enableSecurityQuestionsAuthentication", settings::securityQuestions);
            settings.save();
        }

        private static void value(String lines, String name, java.util.function.Consumer<Boolean> setter) {
            Matcher line = Pattern.compile("(?m)^ +" + name + ":\\s*(true|false)\\s*$").matcher(lines);
            if (line.find()) setter.accept(Boolean.valueOf(line.group(1)));
        }
    }
}
