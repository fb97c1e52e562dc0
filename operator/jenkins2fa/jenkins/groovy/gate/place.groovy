/**
 * The path of a request below the context path. Stapler splits what the client wrote and decodes the parts
 * afterwards; the container decodes first. So `segments` is Stapler's reading, `plain` means that every reader sees
 * the same, and `words` are all the segments that any reader could see.
 */
class Place {
    final String written
    final List<String> raw, segments
    final boolean sound, plain
    final Set<String> words

    Place(request) {
        String uri = request.requestURI, context = request.contextPath ?: ''
        def below = uri.startsWith(context + '/')
        written = below ? uri.substring(context.length()) : uri
        raw = written.split('/').findAll { it } as List
        sound = below && written ==~ /[\x21-\x7e]*/ && !(written =~ /[\\;]|%(?![0-9A-Fa-f]{2})/)
        segments = sound ? raw.collect { decode(it) } : []
        plain = sound && !written.contains('//') &&
            segments.every { !(it in ['.', '..']) && !(it =~ /[\p{Cntrl}\uFFFD]/) }
        def once = lenient(written)
        words = [written, once, lenient(once)].collectMany { it.split('[/\\\\;?]') as List }.findAll() as Set
    }

    /** Whether a segment is written without any escape. */
    boolean isLiteral(int at) { !raw[at].contains('%') }

    boolean isLiteral() { raw.indices.every { isLiteral(it) } }

    String getLastWord() { raw ? lenient(raw.last()) : null }

    /** Decoded as by the most lenient reader: invalid escapes stay. */
    static String lenient(String text) {
        def bytes = new ByteArrayOutputStream()
        for (int at = 0; at < text.length(); at++) {
            def escape = text.charAt(at) == '%' && at + 2 < text.length() ? text.substring(at + 1, at + 3) : ''
            if (escape ==~ /[0-9A-Fa-f]{2}/) { bytes.write(Integer.parseInt(escape, 16)); at += 2 }
            else bytes.write(text.substring(at, at + 1).getBytes('UTF-8'))
        }
        bytes.toString('UTF-8')
    }

    private static String decode(String text) { java.net.URLDecoder.decode(text.replace('+', '%2B'), 'UTF-8') }
}
