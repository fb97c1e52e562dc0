/**
 * Where the plugin redirects a user after the answers: the page requested first, never another host, whatever host
 * a request names.
 */
class Relay {
    static void remember(Visit visit) {
        if (visit.session.getAttribute(Plugin.current.relay) != null) return
        def place = visit.place, query = visit.request.queryString
        def rest = ''
        if (place.sound) rest = place.written.replaceFirst('^/+', '') + (query ==~ /[\x21-\x7e]+/ ? "?$query" : '')
        visit.session.setAttribute(Plugin.current.relay, Challenge.root(visit.request) + rest)
    }

    /** What the plugin's own filter has kept names the host that the client named: only the path of that stays. */
    static void keepLocal(Visit visit) {
        def kept = visit.session.getAttribute(Plugin.current.relay)
        if (kept == null) return
        def root = Jenkins.get().rootUrl
        if (root && kept.toString().startsWith(root)) return
        def path = kept.toString().replaceFirst('^[A-Za-z][A-Za-z0-9+.-]*://[^/\\\\?#]*', '')
        if (!(path ==~ '/([^/\\\\\\p{Cntrl}][^\\\\\\p{Cntrl}]*)?')) visit.session.removeAttribute(Plugin.current.relay)
        else if (path != kept.toString()) visit.session.setAttribute(Plugin.current.relay, path)
    }
}
