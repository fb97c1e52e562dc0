/** One request of one user, and what is in the session about them. */
class Visit {
    static final String ANSWERING = 'jenkins2fa.answering.'

    final request, session, marks
    final User user = User.current()
    final Place place
    final Page page

    Visit(request, marks) {
        this.request = request
        this.marks = marks
        place = new Place(request)
        page = Plugin.current.page(place)
        session = user == null ? null : request.session
    }

    String getKey() { Plugin.current.markOf(user) }

    String getUserKey() { Jenkins.get().securityRealm.userIdStrategy.keyFor(user.id) }

    def getMark() { session.getAttribute(key) }

    void mark(value) { if (!value.is(mark)) put(key, value) }

    void put(String name, value) { marks.put(session, name, value) }

    void unmark() { session.removeAttribute(key) }

    boolean isMarked() { Boolean.parseBoolean(String.valueOf(mark)) }

    boolean isMarkedByPlugin(session) {
        def found = session.getAttribute(key)
        found != null && !isOurs(found) && Boolean.parseBoolean(String.valueOf(found))
    }

    /** While a page of the second factor is served, the plugin's attribute shows whether the answer was right. */
    boolean isAnswering() { session.getAttribute(ANSWERING + user.id) != null }

    static boolean isOurs(mark) { mark instanceof AtomicBoolean || mark?.class?.name == 'RequestPass' }

    /** Asks to be challenged like any user. It can only strengthen, so anyone may send it. */
    boolean isProbe() { request.getHeader(Gate.PROBE) == 'challenge' }

    void dropOurMark() { if (user != null && isOurs(mark)) unmark() }

    /** The client's address; behind a proxy of the same network, the address that the proxy reports. */
    String getAddress() {
        def peer = String.valueOf(request.remoteAddr), said = request.getHeader('X-Forwarded-For')
        if (said == null || !isNearby(peer)) return peer
        def last = said.split(',').last().trim()
        last ==~ /[0-9A-Fa-f.:]{2,45}/ ? last : peer
    }

    private static boolean isNearby(String address) {
        if (!(address ==~ /[0-9A-Fa-f.:\[\]%]+/)) return false
        def found = InetAddress.getByName(address.replaceAll(/[\[\]]|%.*/, ''))
        found.loopbackAddress || found.siteLocalAddress || found.linkLocalAddress ||
            (found.address[0] & 0xfe) == 0xfc && found.address.length == 16
    }
}
