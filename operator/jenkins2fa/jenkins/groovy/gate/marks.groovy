/**
 * Sets our session attributes, and removes them from all sessions at the end, since Jenkins has no list of its
 * sessions. Sessions are held weakly, so that an ended one is collected.
 */
class Marks {
    private final Map sessions = new WeakHashMap()
    private boolean over

    /** Does nothing after the end, so that a running request leaves no attribute behind. */
    synchronized void put(session, String name, value) {
        if (over) return
        sessions.put(session, true)
        session.setAttribute(name, value)
    }

    void takeAll() {
        synchronized (this) { over = true }
        takeAway { name, value -> isOurs(name, value) }
    }

    /** Removes attributes by name and value. The closure may come from another version of this code. */
    void takeAway(Closure isTaken) {
        List held
        synchronized (this) { held = sessions.keySet() as List }
        held.each { session ->
            try {
                for (name in session.attributeNames.toList()) {
                    if (isTaken(name, session.getAttribute(name))) session.removeAttribute(name)
                }
            } catch (IllegalStateException ended) { } // with its session it is gone
        }
    }

    private static boolean isOurs(String name, value) {
        name.startsWith('jenkins2fa.') || Plugin.all.any { it.isMark(name) && it.isOurs(value) }
    }
}

/**
 * A value that reads "true" only in the thread of the admitted request, so that two requests on one session do not
 * share it.
 */
class RequestPass {
    final ThreadLocal admitted = new ThreadLocal()

    String toString() { String.valueOf(admitted.get() == true) }
}
