/** A request at which the gate has failed. Only the open pages and the sessions that the plugin has verified go on. Returns whether it was answered here. */
class AfterFault {
    static boolean answers(Map state, Visit visit, request, response) {
        try {
            if (visit != null && (visit.user == null || visit.verified)) return false
            if (visit == null ? OpenPages.isForEverybody(new Place(request), request.method) : OpenPages.has(visit) || !Layers.effective) return false
            if (visit != null) { Challenge.send(visit, response); return true }
        } catch (Throwable worse) {
            Shared.log('the gate failed twice at one request, which is refused', worse)
        }
        response.sendError(503, 'Whether a second factor is needed cannot be told at the moment')
        true
    }
}
