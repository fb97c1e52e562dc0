package standin.boot;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.File;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** API tokens: made at the first start, kept in the home. A user may have several. */
public final class Tokens {
    private static final SecureRandom RANDOM = new SecureRandom();

    private static final Map<String, String> NAMES = new ConcurrentHashMap<>();

    private Tokens() {}

    /** The name a token was given; names are kept as long as the process. */
    public static String name(String token) {
        return NAMES.getOrDefault(token, "token");
    }

    /** Token to user id, as stored; every user of the options gets one if he has none. */
    public static synchronized Map<String, String> load(Options options) throws IOException {
        File file = file(options);
        Map<String, String> tokens = new LinkedHashMap<>();
        if (file.isFile()) Options.object(new JsonSlurperClassic().parse(file, "UTF-8")).forEach((token, id) -> tokens.put(token, (String) id));
        for (String id : options.users.keySet()) if (!tokens.containsValue(id)) tokens.put(make(), id);
        writePrivately(file.toPath(), JsonOutput.toJson(tokens));
        return tokens;
    }

    public static synchronized String add(Options options, String id, String name) throws IOException {
        Map<String, String> tokens = load(options);
        String token = make();
        tokens.put(token, id);
        if (name != null && !name.isBlank()) NAMES.put(token, name);
        writePrivately(file(options).toPath(), JsonOutput.toJson(tokens));
        return token;
    }

    private static File file(Options options) {
        return new File(options.home, "standin-tokens.json");
    }

    /** The form of Jenkins' own tokens: version 11 and 32 hexadecimal digits. */
    private static String make() {
        return "11" + String.format("%032x", new BigInteger(128, RANDOM));
    }

    public static void writePrivately(Path target, String text) throws IOException {
        Path draft = Files.createTempFile(target.getParent(), "draft", null, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(draft, text);
        Files.move(draft, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
}
