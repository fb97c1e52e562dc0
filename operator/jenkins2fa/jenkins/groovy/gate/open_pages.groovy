/** What an unverified user may reach: these very pages, and no others below them. */
class OpenPages {
    static final List FOR_EVERYBODY = [['login'], ['logout']]

    static boolean has(Visit visit) {
        isForEverybody(visit.place, visit.request.method) || (visit.page != null && isOpen(visit.page, visit.user))
    }

    /** What no user is needed for: logging in and out, and static files. */
    static boolean isForEverybody(Place place, String method) {
        if (!place.plain || !place.literal || !place.segments) return false
        place.segments in FOR_EVERYBODY || (method in ['GET', 'HEAD'] && StaticFiles.has(place.segments))
    }

    /**
     * The challenge of factors that the user has; enrolment only for who has none yet, and only in enabled
     * factors.
     */
    static boolean isOpen(Page page, User user) {
        if (!page.isOf(user)) return false
        def own = Factors.enrolled(user)
        switch (page.kind) {
            case Page.CHOOSE: return own
            case [Page.SHOW, Page.ANSWER, Page.SEND]: return canAnswer(page.factor, own)
            case Page.OVERVIEW: return !own
            case Page.RESET: return false
            default: return !own && page.factor in Factors.enabled()
        }
    }

    /** Also who has no factor yet, where the challenge is how it is enrolled. */
    static boolean canAnswer(String factor, List own) {
        factor in own || (!own && Plugin.current.isEnrolledByChallenge(factor) && factor in Factors.enabled())
    }
}
