package hudson.util;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** A text that is stored in another form than it is used; here only encoded, Jenkins encrypts it. */
public final class Secret implements Serializable {
    private static final long serialVersionUID = 1;
    private final String value;

    private Secret(String value) {
        this.value = value;
    }

    /** Takes the stored form or the plain one. */
    public static Secret fromString(String text) {
        String given = text == null ? "" : text;
        if (!given.startsWith("{") || !given.endsWith("}")) return new Secret(given);
        try {
            return new Secret(new String(Base64.getDecoder().decode(given.substring(1, given.length() - 1)), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException plain) {
            return new Secret(given);
        }
    }

    public static String toString(Secret secret) {
        return secret == null ? null : secret.value;
    }

    public String getPlainText() {
        return value;
    }

    public String getEncryptedValue() {
        return "{" + Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)) + "}";
    }

    @Override
    public String toString() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret && value.equals(((Secret) other).value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }
}
