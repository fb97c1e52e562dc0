/**
 * Puts what is ours into sessions, and takes it out of all of them at the end: Jenkins has no list of its
 * sessions. Held weakly, so a session that is over goes by itself; beyond MOST, marks of the others stay, and are
 * void like all.
 */
class Marks {
    static final int MOST = 20_000

    private final Map sessions = new WeakHashMap()
    private boolean over

    /** Not after the end: a request that is still on its way leaves nothing. */
    synchronized void put(session, String name, value) {
        if (over) return
        if (sessions.size() < MOST) sessions.put(session, true)
        session.setAttribute(name, value)
    }

    void takeAll() {
        List held
        synchronized (this) { over = true; held = sessions.keySet() as List }
        held.each { session ->
            try {
                for (name in session.attributeNames.toList()) {
                    if (isOurs(name, session.getAttribute(name))) session.removeAttribute(name)
                }
            } catch (IllegalStateException ended) { } // with its session it is gone
        }
    }

    private static boolean isOurs(String name, value) {
        name.startsWith('jenkins2fa.') || (Plugin.current.isMark(name) && Visit.isOurs(value))
    }
}

/**
 * A mark that reads "true" only in the thread of a request that let itself in: two requests on one session do not
 * share it.
 */
class RequestPass {
    final ThreadLocal admitted = new ThreadLocal()

    String toString() { String.valueOf(admitted.get() == true) }
}
