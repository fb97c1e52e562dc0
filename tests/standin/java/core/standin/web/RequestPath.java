package standin.web;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.servlet.http.HttpServletRequest;

/**
 * How the web framework of Jenkins takes a request apart: what the client wrote is split first and decoded afterwards, both lenient. So a segment may hold an encoded
 * separator, and the container's own view of the path (getPathInfo) may differ. Read in that framework's source, not recorded.
 */
final class RequestPath {
    private RequestPath() {}

    /** The segments below the context path, without "/static/<anything>" at the start. Throws IllegalArgumentException for a segment that decodes to "..". */
    static List<String> segments(HttpServletRequest request) {
        String uri = request.getRequestURI();
        String canonical = canonical(uri.substring(Math.min(uri.length(), request.getContextPath().length())));
        int end = canonical.startsWith("/static/") ? canonical.indexOf('/', "/static/".length()) : -1;
        List<String> found = new ArrayList<>();
        for (String raw : (end < 0 ? canonical : canonical.substring(end)).split("[/\\\\]+")) {
            String segment = decode(raw);
            if (segment.equals("..")) throw new IllegalArgumentException("a path that leads upwards");
            if (!raw.isEmpty()) found.add(segment);
        }
        return found;
    }

    private static String canonical(String path) {
        List<String> kept = new ArrayList<>();
        for (String part : path.split("/+")) {
            if (part.equals("..")) {
                if (!kept.isEmpty()) kept.remove(kept.size() - 1);
            } else if (!part.isEmpty() && !part.equals(".")) {
                kept.add(part);
            }
        }
        return "/" + String.join("/", kept) + (path.endsWith("/") && !kept.isEmpty() ? "/" : "");
    }

    /** Two characters after a percent sign are a byte, whatever they are; a cut escape is dropped. */
    private static String decode(String segment) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int at = 0; at < segment.length(); at++) {
            char sign = segment.charAt(at);
            if (sign != '%') {
                bytes.writeBytes(String.valueOf(sign).getBytes(StandardCharsets.UTF_8));
            } else if (at + 2 < segment.length()) {
                bytes.write(digit(segment.charAt(at + 1)) * 16 + digit(segment.charAt(at + 2)));
                at += 2;
            } else {
                break;
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static int digit(char sign) {
        return (sign & 0xF) + ((sign & 0x40) != 0 ? 9 : 0);
    }
}
