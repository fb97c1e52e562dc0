/** One request of one user, and what is in the session about them. */
class Visit {
    static final String ANSWERING = 'jenkins2fa.answering.', NOTED = 'jenkins2fa.session'

    final request, marks
    final User user = User.current()
    final Place place
    final Page page

    Visit(request, marks) {
        this.request = request
        this.marks = marks
        place = new Place(request)
        page = Plugin.current.page(place)
        if (user != null) request.session // there is one from here on
    }

    /** As it is now, since a plugin may replace it while it serves the request; null: none, or it has ended. */
    def getSession() { user == null ? null : request.getSession(false) }

    /** An attribute of the session; an ended one has none. */
    def attribute(String name) {
        try { session?.getAttribute(name) } catch (IllegalStateException ended) { null }
    }

    String getKey() { Plugin.current.markOf(user) }

    String getUserKey() { Jenkins.get().securityRealm.userIdStrategy.keyFor(user.id) }

    def getMark() { attribute(key) }

    void mark(value) { if (!value.is(mark)) put(key, value) }

    void put(String name, value) { changeSession { marks.put(it, name, value) } }

    /** A plugin may have put another session in place of the one that Marks knows, with all that was in it. */
    void noteSession() {
        def id = session?.id
        if (id != null && attribute(NOTED) != id) put(NOTED, id)
    }

    void unmark() { remove(key) }

    void remove(String name) { changeSession { it.removeAttribute(name) } }

    private void changeSession(Closure change) {
        def held = session
        try { if (held != null) change(held) } catch (IllegalStateException ended) { } // nothing to change
    }

    boolean isMarked() { Plugin.current.accepts(mark) }

    boolean isMarkedByPlugin() { Plugin.current.accepts(mark) && !Plugin.current.isOurs(mark) }

    /** While a page of the second factor is served, the plugin's attribute shows whether the answer was right. */
    boolean isAnswering() { attribute(ANSWERING + user.id) != null }

    /** Asks to be challenged like any user. It can only strengthen, so anyone may send it. */
    boolean isProbe() { request.getHeader(Gate.PROBE) == 'challenge' }

    void dropOurMark() { if (user != null && Plugin.current.isOurs(mark)) unmark() }

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
