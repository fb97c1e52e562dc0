/**
 * Limits wrong answers and mails, by user and by the address that they come from. A user's wrong answers stay
 * below 100 a day in all, so that a code of five digits is found with a chance below one in 1,000; addresses from
 * which the user has answered correctly before have a share of their own, which others cannot use up.
 */
class Attempts {
    static final int FREE = 3, OF_ADDRESS = 20, UNKNOWN = 60, FRESH = 9, KNOWN = 30, OF_ONE_ADDRESS = 200
    static final int MAILS = 5, MAILS_OF_USER = 30
    static final int MOST_USERS = 10_000, MOST_ADDRESSES = 128, MOST_KNOWN = 16
    static final long DAY = 24 * 3600_000L, MAIL_MILLIS = 10 * 60_000L, FIRST_PAUSE = 5_000L, LONGEST_PAUSE = 3600_000L

    private final Map users, addresses

    /** One history per run of Jenkins, shared by all versions of this code. */
    static Attempts getCurrent() {
        def state = Shared.state
        if (state.attempts == null) {
            state.putIfAbsent('attempts', [users: Recent.of(MOST_USERS), addresses: Recent.of(MOST_USERS)])
        }
        new Attempts((Map) state.attempts)
    }

    private Attempts(Map kept) { users = kept.users; addresses = kept.addresses }

    /** How long to wait before this answer, in milliseconds; 0: it may be given now. */
    long pauseOf(String user, String address) {
        def now = System.currentTimeMillis(), about = aboutUser(user)
        synchronized (about) {
            def (known, unknown) = totals(about, now)
            def here = ofToday(about.wrong.get(address), now), isKnown = about.known.containsKey(address)
            def spent = isKnown ? known >= KNOWN : unknown >= UNKNOWN + (here ? 0 : FRESH)
            if (spent || here.size() >= OF_ADDRESS) return untilOver(about, address, isKnown, now)
            def ofAll = aboutAddress(address)
            synchronized (ofAll) {
                ofAll.removeAll { it <= now - DAY }
                if (ofAll.size() >= OF_ONE_ADDRESS) return ofAll[0] + DAY - now
            }
            if (here.size() < FREE) return 0
            def pause = Math.min(FIRST_PAUSE << Math.min(here.size() - FREE, 20), LONGEST_PAUSE)
            return Math.max(0, (long) here.last() + pause - now)
        }
    }

    void wasWrong(String user, String address) {
        def now = System.currentTimeMillis(), about = aboutUser(user), ofAll = aboutAddress(address)
        synchronized (about) {
            // so that no entry of today is the oldest
            about.wrong.keySet().removeAll(about.wrong.findAll { !ofToday(it.value, now) }*.key)
            about.wrong.computeIfAbsent(address) { [] } << now
        }
        synchronized (ofAll) { ofAll << now }
        count('wrongAnswers')
    }

    /** Records that the user answered correctly from this address. */
    void wasRight(String user, String address) {
        def about = aboutUser(user)
        synchronized (about) { about.known.put(address, System.currentTimeMillis()) }
    }

    /** The wrong answers were about a factor that the user no longer has. */
    void forget(String user) {
        def about = aboutUser(user)
        synchronized (about) { about.wrong.clear() }
    }

    /** Uses up one of the mails that may be sent; returns how long to wait, in milliseconds, or 0. */
    long pauseOfMail(String user, String address) {
        def now = System.currentTimeMillis(), about = aboutUser(user)
        synchronized (about) {
            about.mails.removeAll { it[0] <= now - MAIL_MILLIS }
            def here = about.mails.findAll { it[1] == address }
            def isSpent = about.mails.size() >= MAILS_OF_USER && !about.known.containsKey(address)
            def full = here.size() >= MAILS ? here : isSpent ? about.mails : null
            if (full) return (long) full[0][0] + MAIL_MILLIS - now
            about.mails << [now, address]
            return 0
        }
    }

    static void count(String what) { Shared.state.merge(what, 1L) { one, other -> one + other } }

    /** In whole seconds, for a header. */
    static long seconds(long millis) { Math.max(1, (millis + 999).intdiv(1000)) }

    private Map aboutUser(String user) {
        synchronized (users) {
            users.computeIfAbsent(user) { [wrong: Recent.of(MOST_ADDRESSES), known: Recent.of(MOST_KNOWN), mails: []] }
        }
    }

    private List aboutAddress(String address) {
        synchronized (addresses) { addresses.computeIfAbsent(address) { [] } }
    }

    private static List ofToday(List times, long now) { times?.findAll { it > now - DAY } ?: [] }

    /** Of today: from known addresses, and from the others. */
    private static List totals(Map about, long now) {
        def counts = [0, 0]
        about.wrong.each { address, times ->
            counts[about.known.containsKey(address) ? 0 : 1] += ofToday(times, now).size()
        }
        counts
    }

    private static long untilOver(Map about, String address, boolean isKnown, long now) {
        def times = []
        about.wrong.each { from, all ->
            if (from == address || about.known.containsKey(from) == isKnown) times.addAll(ofToday(all, now))
        }
        times ? (long) times.min() + DAY - now : LONGEST_PAUSE
    }
}
