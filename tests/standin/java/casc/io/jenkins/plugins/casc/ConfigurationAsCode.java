package io.jenkins.plugins.casc;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Configuration-as-code, for the sections of the two-factor plugins only: it sets memory and saves, and knows nothing of a live flag. */
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
        files().map(ConfigurationAsCode::read).forEach(yaml -> {
            Section.read(yaml, "unclassified", "moGlobalConfig").ifPresent(ConfigurationAsCode::miniOrange);
            OpenMfa.configure(yaml);
        });
    }

    private Stream<File> files() {
        return sources.stream().map(File::new).flatMap(source -> source.isDirectory()
            ? Arrays.stream(source.listFiles()).filter(file -> file.getName().matches(".*\\.ya?ml")).sorted() : Stream.of(source));
    }

    private static String read(File file) {
        try {
            return Files.readString(file.toPath());
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    private static void miniOrange(Section section) {
        Settings settings = new Settings();
        flag(section, "enableTfa", settings::enableTfa);
        flag(section, "enableSecurityQuestionsAuthentication", settings::securityQuestions);
        settings.save();
    }

    private static void flag(Section section, String name, Consumer<Boolean> setter) {
        String value = section.values().get(name);
        if (value != null && value.matches("true|false")) setter.accept(Boolean.valueOf(value));
    }
}
