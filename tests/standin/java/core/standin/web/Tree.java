package standin.web;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The `tree` parameter of the remote API: `a[b,c],d` keeps those members; `_class` always stays. */
final class Tree {
    private final Map<String, Tree> children = new TreeMap<>();

    private Tree() {}

    static Tree parse(String text) {
        int[] at = {0};
        return parse(text, at);
    }

    private static Tree parse(String text, int[] at) {
        Tree tree = new Tree();
        StringBuilder name = new StringBuilder();
        while (at[0] < text.length()) {
            char next = text.charAt(at[0]++);
            if (next == '[') {
                tree.children.put(name.toString(), parse(text, at));
                name.setLength(0);
            } else if (next == ',' || next == ']') {
                if (name.length() > 0) tree.children.put(name.toString(), new Tree());
                name.setLength(0);
                if (next == ']') return tree;
            } else name.append(next);
        }
        if (name.length() > 0) tree.children.put(name.toString(), new Tree());
        return tree;
    }

    Object prune(Object value) {
        if (value instanceof List) {
            List<Object> kept = new ArrayList<>();
            ((List<?>) value).forEach(item -> kept.add(prune(item)));
            return kept;
        }
        if (!(value instanceof Map)) return value;
        Map<String, Object> kept = new LinkedHashMap<>();
        ((Map<?, ?>) value).forEach((key, member) -> {
            Tree child = children.get(key);
            if (key.equals("_class")) kept.put("_class", member);
            else if (child != null) kept.put((String) key, child.prune(member));
        });
        return kept;
    }
}
