/** What an unverified user may reach: these very pages, and no others below them. */
class OpenPages {
    static final Set ASSETS = ['adjuncts', 'css', 'images', 'jsbundles', 'scripts', 'plugin', 'i18n', 'favicon.ico', 'favicon.svg', 'apple-touch-icon.png', 'mask-icon.svg'] as Set
    static final String FILE = /.+\.(css|js|mjs|map|json|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|eot|otf)/
    static final List FOR_EVERYBODY = [['login'], ['logout']]
    static final Map CHALLENGES = [securityQuestionAuth: [[], ['securityQuestionAuthenticate']], otpOverEmailAuth: [[], ['resendOtp'], ['saveOrValidateOtpOverEmailConfig']]]
    static final List ENROLMENT = [['tfaConfiguration'], ['securityQuestionConfig'], ['securityQuestionConfig', 'saveSecurityQuestion'], ['otpOverEmailConfig']]

    static boolean has(Visit visit) {
        def place = visit.place, path = place.segments
        if (isForEverybody(place, visit.request.method)) return true
        if (!place.plain || !path || !place.raw.indices.every { place.isLiteral(it) || (it == 1 && path[0] == 'user') }) return false
        if (path[0] == 'tfaUserAuth') return path.size() == 1 || isChallenge(visit.user, path[1], path.drop(2))
        if (path[0] == 'user') return path.size() > 2 && Jenkins.get().securityRealm.userIdStrategy.equals(path[1], visit.user.id) && isEnrolment(visit.user, path.drop(2))
        isEnrolment(visit.user, path) && path[0] == 'descriptorByName'
    }

    /** What no user is needed for: logging in and out, and static files. */
    static boolean isForEverybody(Place place, String method) {
        def path = place.segments
        if (!place.plain || !path || !place.raw.indices.every { place.isLiteral(it) }) return false
        if (path in FOR_EVERYBODY) return true
        if (path[0] == 'static') path = path.drop(2) // Jenkins serves /static/<anything>/<path> like /<path>
        path && path[0] in ASSETS && method in ['GET', 'HEAD'] && (path[0] == 'i18n' || path.last() ==~ FILE)
    }

    /** The challenge of a factor that the user has; by mail also for who has none yet, since that is how it is enrolled. */
    static boolean isChallenge(User user, String page, List rest) {
        if (!(rest in CHALLENGES[page])) return false
        def own = Factors.enrolled(user)
        page in own || (!own && page == 'otpOverEmailAuth' && page in Factors.enabled())
    }

    /** Only for who has no second factor yet: who has one gives it first. */
    static boolean isEnrolment(User user, List path) {
        def form = path.size() == 3 && path[0] == 'descriptorByName' && path[1] in Factors.DESCRIPTORS && path[2] ==~ /(fill|check)\w+/
        (form || path in ENROLMENT) && !Factors.enrolled(user)
    }
}
