/**
 * What a change of a second factor requires, also where no second factor is demanded: null (nothing more), 'verify',
 * or 'refuse'.
 */
class FactorChange {
    static final Set PEOPLE = ['user', 'me', 'author', 'allUsers'] as Set

    static String demands(Visit visit, Map record) {
        def place = visit.place, page = visit.page, user = visit.user
        if (Plugin.all.any { it.areSettingsMentioned(place) } && !isAdministrator()) return 'refuse'
        if (page == null) {
            if (Plugin.current.isMentioned(place)) return 'refuse'
            def other = Plugin.otherMentioned(place)
            if (other != null) return ofAnother(other, visit, record)
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

    /**
     * A factor of a plugin that does not count yet, or not any more: users prepare a move with it. It takes a fresh
     * verification by the plugin that counts, also for a first enrolment; where nobody is asked, a first enrolment
     * needs none. Its challenge proves nothing here.
     */
    private static String ofAnother(Plugin other, Visit visit, Map record) {
        def page = other.page(visit.place), user = visit.user
        if (page == null || !mayOpen(page, user)) return 'refuse'
        def writes = page.kind == Page.ADMINISTER && !(visit.request.method in ['GET', 'HEAD'])
        def changes = writes || page.kind in [Page.ENROL, Page.RESET]
        if (!changes || SessionRecord.isFresh(record)) return null
        if (Hold.demanded || Factors.enrolled(user)) return 'verify'
        page.isOf(user) && other.factors.any { other.isEnrolled(user, it) } ? 'refuse' : null
    }

    private static boolean mayOpen(Page page, User user) {
        if (page.kind == Page.ADMINISTER) return isAdministrator()
        page.isOf(user) || (page.kind != Page.ENROL && isAdministrator())
    }

    /** A user without a factor cannot verify with one. */
    private static String unlessFresh(User user, Map record) {
        Factors.enrolled(user) && !SessionRecord.isFresh(record) ? 'verify' : null
    }

    static boolean isAdministrator() { Jenkins.get().hasPermission(Jenkins.ADMINISTER) }
}
