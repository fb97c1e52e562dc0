/** One request of one user, and the mark in his session. */
class Visit {
    final request, session
    final User user = User.current()
    final Place place
    final long began = System.nanoTime()
    boolean wasVerified

    Visit(request) {
        this.request = request
        place = new Place(request)
        session = user == null ? null : request.session
    }

    String getKey() { user.id + Gate.VERIFIED }

    def getMark() { session.getAttribute(key) }

    void mark(marks, value) { if (!value.is(mark)) marks.put(session, key, value) }

    void unmark() { session.removeAttribute(key) }

    boolean isVerified() { Boolean.parseBoolean(String.valueOf(mark)) }

    boolean isOurs() { isOurs(mark) }

    static boolean isOurs(mark) { mark instanceof AtomicBoolean || mark?.class?.name == 'RequestPass' }

    /** Asks to be challenged like anybody else: can only strengthen, so anybody may send it. */
    boolean isProbe() { request.getHeader(Gate.PROBE) == 'challenge' }

    void dropOurMark() { if (user != null && ours) unmark() }
}
