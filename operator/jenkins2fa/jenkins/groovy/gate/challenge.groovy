/**
 * Sends an unverified user to their own page of the plugin; the gate chooses it itself, so that no gap in the
 * plugin's filter matters.
 */
class Challenge {
    static void send(Visit visit, response) {
        Relay.remember(visit)
        redirect(visit, Plugin.current.placeFor(visit.user, Factors.enrolled(visit.user), Relay.below(visit)), response)
    }

    /** The factor's own page, and nothing of what the request says about the way back. */
    static void sendTo(Visit visit, String factor, response) {
        redirect(visit, Plugin.current.placeOf(factor), response)
    }

    /** Too many wrong answers or mails: programs get the time to wait, people see the page again. */
    static void limit(Visit visit, String factor, long seconds, response) {
        response.setHeader('Retry-After', String.valueOf(seconds))
        def isPerson = String.valueOf(visit.request.getHeader('Accept')).contains('text/html')
        if (isPerson) sendTo(visit, factor, response)
        else response.sendError(429, "Too many attempts: try again in $seconds s")
    }

    private static void redirect(Visit visit, String place, response) {
        response.status = 302 // not sendRedirect, which would prepend the host that the client claims
        response.setHeader('Location', Plugin.current.root(visit.request) + place)
    }
}
