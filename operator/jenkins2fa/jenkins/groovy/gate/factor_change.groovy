/**
 * What a change of a second factor requires, also where no second factor is demanded: null (nothing more), 'verify',
 * or 'refuse'.
 */
class FactorChange {
    static final Set PEOPLE = ['user', 'me', 'author', 'allUsers'] as Set

    static String demands(Visit visit, Map record) {
        def place = visit.place, page = visit.page, user = visit.user
        if (Plugin.current.areSettingsMentioned(place) && !isAdministrator()) return 'refuse'
        if (page == null) {
            if (Plugin.current.isMentioned(place)) return 'refuse'
            return 'configSubmit' in place.words && place.words.any { it in PEOPLE } ? unlessFresh(user, record) : null
        }
        if (page.kind == Page.CHOOSE || page.kind == Page.HELPER) return null
        if (page.kind == Page.ADMINISTER) {
            if (!isAdministrator()) return 'refuse'
            return visit.request.method in ['GET', 'HEAD'] ? null : unlessFresh(user, record)
        }
        if (page.challenge) return OpenPages.canAnswer(page.factor, Factors.enrolled(user)) ? null : 'refuse'
        if (!page.isOf(user)) return page.kind != Page.ENROL && isAdministrator() ? null : 'refuse'
        if (page.kind == Page.ENROL && !(page.factor in Factors.enabled())) return 'refuse'
        page.kind in [Page.ENROL, Page.RESET] ? unlessFresh(user, record) : null
    }

    /** A user without a factor cannot verify with one. */
    private static String unlessFresh(User user, Map record) {
        Factors.enrolled(user) && !SessionRecord.isFresh(record) ? 'verify' : null
    }

    static boolean isAdministrator() { Jenkins.get().hasPermission(Jenkins.ADMINISTER) }
}
