/**
 * Answers the operator's observation instead of the script that the same request carries: no script to compile, no
 * class left behind. It opens nothing: only the operator's account with its token gets it, at the script console, with
 * the right that the console requires. The header is only compared and echoed. Whenever a check fails, the console
 * answers; it also does so when another plugin's filter has to see every request.
 */
class Look {
    static final String HEADER = 'X-Jenkins2fa-Observe'
    /** SHA-256 of the script observe.groovy that this answers for; the operator fills it in. */
    static final String SCRIPT = ''

    private static final AtomicBoolean failed = new AtomicBoolean()

    /**
     * The line to answer with, or null: then the request goes on as usual. The header holds a nonce, the digest of the
     * script and the digest of the enforced groups.
     */
    static String answer(Map config, Visit visit) {
        def asked = visit.request.getHeader(HEADER)
        if (asked == null) return null
        try {
            def isOurs = asked ==~ /[0-9a-f]{16} [0-9a-f]{64} [0-9a-f]{64}/
            if (!isOurs || asked.substring(17) != "$SCRIPT $config.asked".toString() || visit.probe) return null
            if (!Gate.isOperatorAtConsole(config, visit) || Filters.hasOthers()) return null
            if (!Jenkins.get().hasPermission(Jenkins.ADMINISTER)) return null
            def observation = new Observation([groups: config.raw.enforcedGroups, byGate: true]).take()
            return "@@2FA-gate ${asked.take(16)} ${JsonOutput.toJson(observation)}\n"
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) {
                Shared.log('the gate could not answer an observation; the script console answers instead', problem)
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
