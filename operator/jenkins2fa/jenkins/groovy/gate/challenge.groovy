/** Sends an unverified user to his own page of the plugin; the gate chooses it itself, so that no gap in the plugin's filter matters. */
class Challenge {
    static void send(Visit visit, response) {
        Relay.remember(visit)
        response.status = 302 // not sendRedirect, which would complete the place with what the client says is our host
        response.setHeader('Location', root(visit.request) + page(visit.user))
    }

    static String root(request) { Jenkins.get().rootUrl ?: request.contextPath + '/' }

    static String page(User user) {
        def own = Factors.enrolled(user)
        if (own.size() > 1) return 'tfaUserAuth/'
        own ? "tfaUserAuth/${own[0]}/" : "user/${java.net.URLEncoder.encode(user.id, 'UTF-8').replace('+', '%20')}/tfaConfiguration/"
    }
}
