/** State that outlives a version of this code within one run of Jenkins, and the only lock (`chain`). */
class Shared {
    static final String KEY = 'jenkins2fa'

    static getContext() { Filters.context }

    static getChain() { Filters.chain }

    static Map getState() {
        def owner = context
        synchronized (chain) {
            if (owner.getAttribute(KEY) == null) owner.setAttribute(KEY, new ConcurrentHashMap())
            owner.getAttribute(KEY)
        }
    }

    static void log(String message, Throwable problem = null) {
        Logger.getLogger('jenkins2fa').log(problem == null ? Level.INFO : Level.SEVERE, message, problem)
    }
}
