/**
 * The gate's own record of who is verified in a session: by which factor, and when. Only an answer that the gate
 * watched creates one. It consists of JDK classes, so that it outlives a new version of this code. Its voucher belongs
 * to this gate: when the gate is removed, all records are void.
 */
class SessionRecord {
    static final String KEY = 'jenkins2fa.verified.'
    static final long FRESH_MILLIS = 15 * 60_000L

    static void write(Visit visit, String factor) {
        def record = [voucher: Shared.state.voucher, factor: factor, at: System.nanoTime(),
                      unspent: new AtomicBoolean(true)]
        visit.put(KEY + visit.user.id, Collections.unmodifiableMap(record))
    }

    /** Null unless the user is verified in this session by a factor that still counts and is still theirs. */
    static Map of(Visit visit) {
        def found = visit.attribute(KEY + visit.user.id)
        def isOurs = found instanceof Map && found.voucher != null && found.voucher.is(Shared.state.voucher)
        def valid = isOurs && found.factor in Factors.enabled() && Plugin.current.isEnrolled(visit.user, found.factor)
        valid ? found : null
    }

    static boolean isFresh(Map record, long millis = FRESH_MILLIS, boolean once = false) {
        if (record == null || System.nanoTime() - (long) record.at > millis * 1_000_000L) return false
        once ? record.unspent.getAndSet(false) : true
    }
}
