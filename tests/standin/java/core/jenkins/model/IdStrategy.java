package jenkins.model;

import java.util.Locale;

/** How ids are compared; Jenkins' default ignores case. */
public abstract class IdStrategy {
    public static final IdStrategy CASE_INSENSITIVE = new CaseInsensitive();

    public abstract String keyFor(String id);

    public boolean equals(String one, String other) {
        return keyFor(one).equals(keyFor(other));
    }

    public int compare(String one, String other) {
        return keyFor(one).compareTo(keyFor(other));
    }

    public static class CaseInsensitive extends IdStrategy {
        @Override
        public String keyFor(String id) {
            return id.toLowerCase(Locale.ENGLISH);
        }
    }

    public static class CaseSensitive extends IdStrategy {
        @Override
        public String keyFor(String id) {
            return id;
        }
    }
}
