/**
 * Which requests start a build: whatever any reader of the path could see in it counts, since Stapler ignores what
 * follows an action.
 */
class BuildStart {
    static final List WORDS = ['build', 'buildWithParameters', 'rebuild', 'replay', 'retry', 'rerun', 'polling']
    static final Set BY_GET = ['rebuild', 'retry', 'rerun'] as Set

    static boolean isBegunBy(Visit visit, Set words) {
        def place = visit.place, seen = place.words, reads = visit.request.method in ['GET', 'HEAD']
        if ('cli' in seen && visit.request.method != 'GET') return true // only GET merely shows its page
        if (!reads) {
            if (!place.sound || seen.any { it in words }) return true
            return ['blue', 'runs'].every { it in seen } || ('restart' in seen && place.raw.size() > 1)
        }
        if (['cli', 'ws'].every { it in seen }) return true // the command line over a web socket
        if (!place.sound || place.lastWord in BY_GET) return true
        seen.any { it in words } && hasToken(visit.request.queryString)
    }

    /** Parsed here, because the container throws on what it cannot decode. */
    private static boolean hasToken(String query) {
        query != null && query.split('[&;]').any { Place.lenient(it.split('=', 2)[0]) == 'token' }
    }
}
