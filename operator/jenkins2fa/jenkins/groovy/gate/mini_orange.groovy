/**
 * What differs per plugin: which pages belong to which factor, who is enrolled, what "verified" looks like, and what the plugin keeps between requests.
 * That is kept by user and for all sessions; while a page is served, the gate puts there what belongs to this very session, and takes it away afterwards.
 */
class MiniOrange {
    static final String MARK = '_SESSION_2FA_VERIFICATION', RELAY = 'tfaRelayState'
    static final String QUESTIONS = 'securityQuestions', MAIL = 'emailOTP'
    static final Map FACTORS = [
        (QUESTIONS): [challenge: 'securityQuestionAuth', enrolment: 'securityQuestionConfig', property: 'tfaMethodsConfig.MoSecurityQuestionConfig',
                      answer: 'securityQuestionAuthenticate', enrol: 'saveSecurityQuestion'],
        (MAIL)     : [challenge: 'otpOverEmailAuth', enrolment: 'otpOverEmailConfig', property: 'tfaMethodsConfig.MoOtpOverEmailConfig',
                      answer: 'saveOrValidateOtpOverEmailConfig', send: 'resendOtp'],
    ]
    /** Segments that name a page of the second factor, wherever they stand. */
    static final Set WORDS = (['tfaUserAuth', 'tfaConfiguration'] + FACTORS.values().collectMany { [it.challenge, it.enrolment, it.answer, it.enrol, it.send] }.findAll()) as Set
    static final String SETTINGS = 'tfaGlobalConfig'
    static final List OWNERS = [['user'], ['securityRealm', 'user'], ['manage', 'securityRealm', 'user']]
    static final long CODE_MILLIS = 10 * 60_000L
    private static final String KEPT = 'jenkins2fa.kept.'
    private static final java.security.SecureRandom CHANCE = new java.security.SecureRandom()

    // --- settings and users ---

    static List<String> switchedOn() {
        def config = Layers.config
        [(QUESTIONS): config.isEnableSecurityQuestionsAuthentication(), (MAIL): config.isEnableOtpOverEmailAuthentication()].findAll { it.value }*.key
    }

    static boolean isEnrolled(User user, String factor) { user.getProperty(Layers.load(FACTORS[factor].property))?.isConfigured() as boolean }

    // --- pages ---

    /** The page that this path is, written plainly in one of the ways in which the plugin and Jenkins link to it; else null. */
    static Page page(Place place) {
        def path = place.segments
        if (!place.plain || !path) return null
        if (path[0] == 'tfaUserAuth') return place.literal ? challenge(path.drop(1)) : null
        if (path[0] == 'descriptorByName') return place.literal ? helper(path, null) : null
        def prefix = path[0] == 'me' ? ['me'] : OWNERS.find { path.size() > it.size() && path.take(it.size()) == it }
        if (prefix == null) return null
        def owner = prefix == ['me'] ? null : path[prefix.size()], at = prefix.size() + (owner == null ? 0 : 1)
        if (!place.raw.indices.every { place.isLiteral(it) || (owner != null && it == at - 1) }) return null
        enrolment(path.drop(at), owner) ?: helper(path.drop(at), owner)
    }

    private static Page challenge(List rest) {
        if (!rest) return new Page(null, Page.CHOOSE)
        def factor = FACTORS.find { it.value.challenge == rest[0] }
        if (factor == null || rest.size() > 2) return null
        def kind = rest.size() == 1 ? Page.SHOW : rest[1] == factor.value.answer ? Page.ANSWER : rest[1] == factor.value.send ? Page.SEND : null
        kind == null ? null : new Page(factor.key, kind)
    }

    private static Page enrolment(List rest, String owner) {
        if (rest == ['tfaConfiguration']) return new Page(null, Page.OVERVIEW, owner)
        def factor = rest && rest.size() <= 2 ? FACTORS.find { it.value.enrolment == rest[0] } : null
        if (factor == null) return null
        def kind = rest.size() == 1 ? Page.ENROL_PAGE : rest[1] == factor.value.enrol ? Page.ENROL : rest[1] == 'reset' ? Page.RESET : null
        kind == null ? null : new Page(factor.key, kind, owner)
    }

    private static Page helper(List rest, String owner) {
        if (rest.size() != 3 || rest[0] != 'descriptorByName' || !(rest[2] ==~ /(fill|check)\w+/)) return null
        def factor = FACTORS.find { rest[1] == "io.jenkins.plugins.twofactor.jenkins.${it.value.property}".toString() }
        factor == null ? null : new Page(factor.key, Page.HELPER, owner)
    }

    /** Whether any reader of the path could come to a page of the second factor. */
    static boolean isMentioned(Place place) {
        place.words.any { word -> word in WORDS || FACTORS.values().any { word.endsWith(it.property.replaceFirst('.*\\.', '.')) } }
    }

    /** Where an unverified user is sent, below the root URL. */
    static String placeFor(User user) {
        def own = Factors.enrolled(user)
        if (own.size() > 1) return 'tfaUserAuth/'
        own ? "tfaUserAuth/${FACTORS[own[0]].challenge}/" : "user/${java.net.URLEncoder.encode(user.id, 'UTF-8').replace('+', '%20')}/tfaConfiguration/"
    }

    static String placeOf(String factor) { "tfaUserAuth/${FACTORS[factor].challenge}/" }

    // --- what the plugin keeps ---

    /** Before a page of the challenge: this session's questions with the answers stored now, and the code that was mailed to this session. */
    static void prepare(Visit visit, Page page) {
        def id = visit.user.id, kept = keptOf(visit)
        if (page.factor == QUESTIONS) {
            def held = kind('MoSecurityQuestionAuth').newInstance()
            if (kept.first != null) { held.@firstRandomSecurityQuestionIndex = (int) kept.first; held.@secondRandomSecurityQuestionIndex = (int) kept.second }
            if (kept.wrong) held.@showWrongCredentialWarning.put(id, true)
            pages().@moSecurityQuestionAuthMap.put(id, held)
        }
        if (page.factor == MAIL) {
            def held = kind('MoOtpOverEmailAuth').newInstance()
            if (kept.wrong) held.@showWrongCredentialWarning.put(id, true)
            pages().@moOtpOverEmailAuthMap.put(id, held)
            def code = codeOf(visit)
            code == null ? codes().remove(id) : codes().put(id, code)
            if (page.kind == Page.SEND) { codes().remove(id); chance().setSeed(CHANCE.nextLong()) }
        }
    }

    /** After it: keeps what belongs to this session, and leaves nothing to the others. */
    static void putAway(Visit visit, Page page, boolean verified) {
        def id = visit.user.id, kept = keptOf(visit)
        if (page.factor == QUESTIONS) {
            def held = pages().@moSecurityQuestionAuthMap.remove(id)
            if (page.kind == Page.SHOW && held != null) kept = kept + [first: held.@firstRandomSecurityQuestionIndex, second: held.@secondRandomSecurityQuestionIndex, wrong: false]
        }
        if (page.factor == MAIL) {
            pages().@moOtpOverEmailAuthMap.remove(id)
            def code = codes().remove(id)
            if (page.kind == Page.SEND) kept = kept + [code: code, sent: System.nanoTime()]
            if (page.kind == Page.SHOW) kept = kept + [wrong: false]
        }
        if (page.kind == Page.ANSWER) kept = verified ? [:] : kept + [wrong: true]
        visit.put(KEPT + id, kept)
    }

    /** The code that this session may answer with, or null. */
    static String codeOf(Visit visit) {
        def kept = keptOf(visit)
        kept.code != null && System.nanoTime() - kept.sent <= CODE_MILLIS * 1_000_000L ? kept.code : null
    }

    /** Answers and codes from before: of a user whose factor has changed, or of everybody. */
    static void forget(String id = null) {
        def all = [pages().@moSecurityQuestionAuthMap, pages().@moOtpOverEmailAuthMap, codes()]
        all.each { id == null ? it.clear() : it.remove(id) }
    }

    private static Map keptOf(Visit visit) { visit.session.getAttribute(KEPT + visit.user.id) ?: [:] }

    private static pages() { hudson.ExtensionList.lookupSingleton(Layers.load('MoUserAuth')) }

    private static Class kind(String name) { Layers.load("tfaMethodsAuth.$name") }

    private static Map codes() { constant('sentOtp') }

    private static Random chance() { constant('RANDOM') }

    private static constant(String name) {
        def field = kind('MoOtpOverEmailAuth').getDeclaredField(name)
        field.accessible = true
        field.get(null)
    }
}
