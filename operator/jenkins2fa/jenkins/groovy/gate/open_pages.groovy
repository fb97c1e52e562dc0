/** What an unverified user may reach: exactly these pages, and none below them. */
class OpenPages {
    static final List FOR_EVERYBODY = [['login'], ['logout']]

    static boolean has(Visit visit) {
        isForEverybody(visit.place, visit.request.method) || (visit.page != null && isOpen(visit.page, visit.user))
    }

    /** Pages that need no user: logging in and out, and static files. */
    static boolean isForEverybody(Place place, String method) {
        if (!place.plain || !place.literal || !place.segments) return false
        place.segments in FOR_EVERYBODY || (method in ['GET', 'HEAD'] && StaticFiles.has(place.segments))
    }

    /**
     * The challenge of factors that the user has; enrolment only for a user who has none yet, and only in
     * enabled factors.
     */
    static boolean isOpen(Page page, User user) {
        if (!page.isOf(user)) return false
        def own = Factors.enrolled(user)
        switch (page.kind) {
            case Page.CHOOSE: return own
            case [Page.SHOW, Page.ANSWER, Page.SEND]: return canAnswer(page.factor, own)
            case Page.OVERVIEW: return !own
            case [Page.RESET, Page.ADMINISTER]: return false
            default: return !own && page.factor in Factors.enabled()
        }
    }

    /** Also true for a user without a factor, where the challenge itself enrols it. */
    static boolean canAnswer(String factor, List own) {
        factor in own || (!own && Plugin.current.isEnrolledByChallenge(factor) && factor in Factors.enabled())
    }
}
