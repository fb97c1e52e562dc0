/**
 * The gate's own record of who is verified in a session: by which factor, and when. Only an answer that the gate
 * watched creates one. It consists of JDK classes, so that it outlives a new version of this code. Its voucher belongs
 * to this gate: when the gate is removed, all records are void.
 */
class SessionRecord {
    static final String KEY = 'jenkins2fa.verified.'
    /** In the gate's state: when the records of a user were voided, by the user's key. */
    static final String ENDED = 'endedRecords'
    static final long FRESH_MILLIS = 15 * 60_000L

    static void write(Visit visit, String factor) {
        def record = [voucher: Shared.state.voucher, factor: factor, at: System.nanoTime(),
                      unspent: new AtomicBoolean(true)]
        visit.put(KEY + visit.user.id, Collections.unmodifiableMap(record))
    }

    /** Voids what every session has recorded about this user until now. */
    static void end(String userKey) {
        Shared.state.computeIfAbsent(ENDED) { new ConcurrentHashMap() }.put(userKey, System.nanoTime())
    }

    /** Null unless the user is verified in this session by a factor that still counts and is still theirs. */
    static Map of(Visit visit) {
        def found = visit.attribute(KEY + visit.user.id), state = Shared.state
        def isOurs = found instanceof Map && found.voucher != null && found.voucher.is(state.voucher)
        def ended = isOurs ? state[ENDED]?.get(visit.userKey) : null
        if (ended != null && (long) found.at - (long) ended <= 0) return null
        def valid = isOurs && found.factor in Factors.enabled() && Plugin.current.isEnrolled(visit.user, found.factor)
        valid ? found : null
    }

    static boolean isFresh(Map record, long millis = FRESH_MILLIS, boolean once = false) {
        if (record == null || System.nanoTime() - (long) record.at > millis * 1_000_000L) return false
        once ? record.unspent.getAndSet(false) : true
    }
}
