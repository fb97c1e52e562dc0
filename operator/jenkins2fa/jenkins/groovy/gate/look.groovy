/**
 * The operator's look, answered here instead of by the script that the same request carries: no text to compile,
 * no class left behind. It opens nothing: who may have it is the operator's account with its token, at the script
 * console, with the right that the console asks for. The header is compared and echoed, no more; whatever is not
 * as it must be leaves the request to the console, and so does another plugin's filter, which is to see every
 * request.
 */
class Look {
    static final String HEADER = 'X-Jenkins2fa-Observe'
    /** SHA-256 of the script observe.groovy that this answers for; the operator fills it in. */
    static final String SCRIPT = ''

    private static final AtomicBoolean failed = new AtomicBoolean()

    /**
     * The line to answer with, or null: then the request takes its ordinary way. The header: nonce, digest of the
     * script, digest of the enforced groups.
     */
    static String answer(Map config, Visit visit) {
        def asked = visit.request.getHeader(HEADER)
        if (asked == null) return null
        try {
            def isOurs = asked ==~ /[0-9a-f]{16} [0-9a-f]{64} [0-9a-f]{64}/
            if (!isOurs || asked.substring(17) != "$SCRIPT $config.asked".toString() || visit.probe) return null
            if (!Gate.isOperatorAtConsole(config, visit) || Filters.hasOthers()) return null
            if (!Jenkins.get().hasPermission(Jenkins.ADMINISTER)) return null
            def observation = new Observation([groups: config.raw.enforcedGroups]).take()
            return "@@2FA-gate ${asked.take(16)} ${JsonOutput.toJson(observation)}\n"
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) {
                Shared.log('the gate could not answer a look; the script console does', problem)
            }
            return null
        }
    }

    static void send(response, String line) {
        response.status = 200
        response.contentType = 'text/plain;charset=utf-8'
        response.setHeader('X-Content-Type-Options', 'nosniff')
        response.setHeader('Cache-Control', 'no-store')
        response.outputStream.write(line.getBytes('UTF-8'))
    }
}
