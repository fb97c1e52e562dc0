/**
 * The path of a request below the context path. Stapler splits what the client wrote and decodes the parts afterwards; the container decodes first. So `segments` is Stapler's
 * reading, `plain` says that every reader sees the same, and `words` are all the segments that any reader could see.
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
        plain = sound && !written.contains('//') && segments.every { !(it in ['.', '..']) && !(it =~ /[\p{Cntrl}\uFFFD]/) }
        words = sound ? decode(written).split('[/\\\\;]') as Set : [] as Set
    }

    /** Whether a segment is written as it reads, without any escape. */
    boolean isLiteral(int at) { !raw[at].contains('%') }

    private static String decode(String text) { java.net.URLDecoder.decode(text.replace('+', '%2B'), 'UTF-8') }
}
