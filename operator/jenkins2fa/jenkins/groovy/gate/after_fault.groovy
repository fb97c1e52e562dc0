/**
 * A request at which the gate has failed: what is for everybody goes on, and what needs no second look. Returns
 * whether it was answered here.
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
            Shared.log('the gate failed twice at one request, which is refused', worse)
        }
        refuse(response)
        true
    }

    static void refuse(response) {
        response.sendError(503, 'Whether a second factor is needed cannot be told at the moment')
    }

    private static boolean goesOn(Visit visit) {
        if (Plugin.current.isMentioned(visit.place)) {
            def reads = visit.request.method in ['GET', 'HEAD']
            return visit.user != null && OpenPages.has(visit) && reads && !Answers.watches(visit)
        }
        visit.user == null || !Hold.demanded || isPlain(visit)
    }

    /** Of a verified session, and nothing that asks for a fresh one. */
    private static boolean isPlain(Visit visit) {
        def record = SessionRecord.of(visit), config = Shared.state.config
        def mayStepUp = !(config instanceof Map) || config.build != null
        record != null && FactorChange.demands(visit, record) == null &&
            !(mayStepUp && BuildStart.isBegunBy(visit, BuildStart.WORDS as Set))
    }
}
