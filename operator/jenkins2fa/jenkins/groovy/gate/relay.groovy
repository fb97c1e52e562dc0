/**
 * Where the plugin redirects a user after the answers: the page requested first, never another host, whatever host
 * a request names.
 */
class Relay {
    /** The page requested, below the root URL, with its query; empty for a path that readers could read differently. */
    static String below(Visit visit) {
        def place = visit.place, query = visit.request.queryString
        if (!place.sound) return ''
        place.written.replaceFirst('^/+', '') + (query ==~ /[\x21-\x7e]+/ ? "?$query" : '')
    }

    static void remember(Visit visit) {
        def relay = Plugin.current.relay
        if (relay == null || visit.attribute(relay) != null) return
        visit.session?.setAttribute(relay, Plugin.current.root(visit.request) + below(visit))
    }

    /** What the plugin's own filter has kept names the host that the client named: only the path of that stays. */
    static void keepLocal(Visit visit) {
        def relay = Plugin.current.relay, kept = relay == null ? null : visit.attribute(relay)
        if (kept == null) return
        def root = Jenkins.get().rootUrl
        if (root && kept.toString().startsWith(root)) return
        def path = kept.toString().replaceFirst('^[A-Za-z][A-Za-z0-9+.-]*://[^/\\\\?#]*', '')
        if (!isLocal(path)) visit.remove(relay)
        else if (path != kept.toString()) visit.session?.setAttribute(relay, path)
    }

    /** Whether every reader takes it for a path of this host. */
    static boolean isLocal(String path) { path ==~ '/([^/\\\\\\p{Cntrl}][^\\\\\\p{Cntrl}]*)?' }
}
