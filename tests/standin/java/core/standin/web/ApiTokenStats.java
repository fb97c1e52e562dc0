package standin.web;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import jenkins.model.Jenkins;

/** Each use of a token is counted in the user's folder, as Jenkins does: the one file that changes when somebody only looks. */
final class ApiTokenStats {
    private static final Map<String, AtomicLong> USES = new ConcurrentHashMap<>();

    private ApiTokenStats() {}

    static int uses(String token) {
        AtomicLong uses = USES.get(token);
        return uses == null ? 0 : uses.intValue();
    }

    static void count(String owner, String token) {
        long uses = USES.computeIfAbsent(token, none -> new AtomicLong()).incrementAndGet();
        File folder = new File(Jenkins.get().getRootDir(), "users/" + Jenkins.get().getSecurityRealm().getUserIdStrategy().keyFor(owner));
        folder.mkdirs();
        try {
            Files.writeString(new File(folder, "apiTokenStats.xml").toPath(), "<apiTokenStats><useCounter>" + uses + "</useCounter></apiTokenStats>");
        } catch (IOException busy) {
            // another request is writing the same file; the count is not worth a failure
        }
    }
}
