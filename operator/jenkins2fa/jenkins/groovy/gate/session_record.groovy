/**
 * The gate's own record of who is verified in a session: by which factor, and when. Only an answer that the gate
 * watched creates one. It consists of JDK classes, so that it outlives a new version of this code. Its voucher belongs
 * to this gate: when the gate is removed, all records are void.
 */
class SessionRecord {
    static final String KEY = 'jenkins2fa.verified.'
    /** In the gate's state: when the records of a user and a factor were voided. */
    static final String ENDED = 'endedRecords'
    static final long FRESH_MILLIS = 15 * 60_000L

    static void write(Visit visit, String factor) {
        def record = [voucher: Shared.state.voucher, factor: factor, at: System.nanoTime(),
                      enrolment: Plugin.current.enrolmentOf(visit.user, factor), unspent: new AtomicBoolean(true)]
        visit.put(KEY + visit.user.id, Collections.unmodifiableMap(record))
    }

    /** Voids what every session has recorded about this user and these factors until now. */
    static void end(User user, Collection factors) {
        def ended = Shared.state.computeIfAbsent(ENDED) { new ConcurrentHashMap() }
        factors.each { ended.put(keyOf(user, it), System.nanoTime()) }
    }

    private static String keyOf(User user, String factor) {
        "$factor ${Jenkins.get().securityRealm.userIdStrategy.keyFor(user.id)}".toString()
    }

    /**
     * Null unless the user is verified in this session by a factor that still counts and is still theirs: a later
     * enrolment in the same factor is another one.
     */
    static Map of(Visit visit) {
        def found = visit.attribute(KEY + visit.user.id), state = Shared.state
        def isOurs = found instanceof Map && found.voucher != null && found.voucher.is(state.voucher)
        def ended = isOurs ? state[ENDED]?.get(keyOf(visit.user, found.factor)) : null
        if (ended != null && (long) found.at - (long) ended <= 0) return null
        def plugin = Plugin.current
        def valid = isOurs && found.factor in Factors.enabled() && plugin.isEnrolled(visit.user, found.factor) &&
            found.enrolment == plugin.enrolmentOf(visit.user, found.factor)
        valid ? found : null
    }

    static boolean isFresh(Map record, long millis = FRESH_MILLIS, boolean once = false) {
        if (record == null || System.nanoTime() - (long) record.at > millis * 1_000_000L) return false
        once ? record.unspent.getAndSet(false) : true
    }
}
