/**
 * Handles a request at which the gate has failed: pages open to everyone and verified sessions go on, the rest is
 * challenged or refused. Returns whether the request was answered here.
 */
class AfterFault {
    static boolean answers(Visit visit, request, response) {
        try {
            def place = visit?.place ?: new Place(request)
            if (OpenPages.isForEverybody(place, request.method)) return false
            if (visit != null && goesOn(visit)) {
                if (CrumbCheck.passes(request, response)) return false
            } else if (visit?.user != null && Hold.demanded && !OpenPages.has(visit)) {
                Challenge.send(visit, response)
                return true
            }
        } catch (Throwable worse) {
            Shared.log('the gate failed twice at one request: the request is refused', worse)
        }
        refuse(response)
        true
    }

    static void refuse(response) {
        response.sendError(503, 'The gate cannot check the second factor at the moment: try again')
    }

    private static boolean goesOn(Visit visit) {
        if (Plugin.current.isMentioned(visit.place)) {
            def reads = visit.request.method in ['GET', 'HEAD']
            return visit.user != null && OpenPages.has(visit) && reads && !Answers.watches(visit)
        }
        !Plugin.otherMentioned(visit.place) && (visit.user == null || !Hold.demanded || isPlain(visit))
    }

    /** Whether the session is verified and the request needs no fresh verification. */
    private static boolean isPlain(Visit visit) {
        def record = SessionRecord.of(visit), config = Shared.state.config
        def mayStepUp = !(config instanceof Map) || config.build != null
        record != null && FactorChange.demands(visit, record) == null &&
            !(mayStepUp && BuildStart.isBegunBy(visit, BuildStart.WORDS as Set))
    }
}
