/**
 * The plugin miniorange-two-factor. What it keeps between requests is kept by user and for all sessions; while a
 * page is served, the gate sets there what belongs to this session, and removes it afterwards.
 */
class MiniOrange extends Plugin {
    static final String PACKAGE = 'io.jenkins.plugins.twofactor.jenkins'
    static final String LIVE = 'ENABLE_MO_TFA_AUTHENTICATION'
    static final String MARK = '_SESSION_2FA_VERIFICATION', RELAY = 'tfaRelayState'
    static final String QUESTIONS = 'securityQuestions', MAIL = 'emailOTP'
    static final String CHALLENGE = 'tfaUserAuth', OVERVIEW = 'tfaConfiguration', SETTINGS = 'tfaGlobalConfig'
    static final Map FACTORS = [
        (QUESTIONS): [challenge: 'securityQuestionAuth', enrolment: 'securityQuestionConfig',
                      property: 'tfaMethodsConfig.MoSecurityQuestionConfig',
                      answer: 'securityQuestionAuthenticate', enrol: 'saveSecurityQuestion'],
        (MAIL)     : [challenge: 'otpOverEmailAuth', enrolment: 'otpOverEmailConfig',
                      property: 'tfaMethodsConfig.MoOtpOverEmailConfig',
                      answer: 'saveOrValidateOtpOverEmailConfig', send: 'resendOtp'],
    ]
    /** Segments that name a page of the second factor, wherever they stand. */
    static final Set WORDS = ([CHALLENGE, OVERVIEW] +
        FACTORS.values().collectMany { [it.challenge, it.enrolment, it.answer, it.enrol, it.send] }.findAll()) as Set
    static final long CODE_MILLIS = 10 * 60_000L
    static final Map MEMBERS = [
        'MoGlobalConfig': ['get', 'getEnableTfa', 'setEnableTfa', 'isEnableSecurityQuestionsAuthentication',
                           'setEnableSecurityQuestionsAuthentication', 'isEnableOtpOverEmailAuthentication',
                           'getOtpOverEmailDto', 'getAdvancedSettingsDTO', 'otpOverEmailDto', 'moAdvancedSettingsDTO'],
        'MoFilter'      : ['doFilter', 'moPluginSettings'],
        'dto.MoOtpOverEmailDto'   : ['getIsEnabled', 'getSenderEmailAddress'],
        'dto.MoAdvanceSettingsDTO': ['getCustomOTPEmailSubject', 'getCustomOTPEmailTemplate'],
        'MoUserAuth'              : ['moSecurityQuestionAuthMap', 'moOtpOverEmailAuthMap'],
        'tfaMethodsConfig.MoSecurityQuestionConfig': [
            'isConfigured', 'setConfigured', 'getFirstSecurityQuestion', 'getFirstSecurityQuestionAnswer',
            'setFirstSecurityQuestion', 'setFirstSecurityQuestionAnswer'],
        'tfaMethodsConfig.MoOtpOverEmailConfig'    : ['isConfigured', 'setConfigured'],
        'tfaMethodsAuth.MoSecurityQuestionAuth': [
            'firstRandomSecurityQuestionIndex', 'secondRandomSecurityQuestionIndex', 'showWrongCredentialWarning'],
        'tfaMethodsAuth.MoOtpOverEmailAuth'    : ['sentOtp', 'RANDOM', 'showWrongCredentialWarning'],
    ]
    private static final String KEPT = 'jenkins2fa.kept.'
    private static final java.security.SecureRandom CHANCE = new java.security.SecureRandom()

    protected String getRootPackage() { PACKAGE }

    protected Map getMembers() { MEMBERS }

    private getConfig() { load('MoGlobalConfig').get() }

    // --- the installed version ---

    String getName() { 'miniorange-two-factor' }

    String getCodeKey() { 'moGlobalConfig' }

    boolean isPresent() { find('MoGlobalConfig')?.get() != null }

    String getEdition() { present ? Premium.editionOf(config) : null }

    List getFoundProperties() { Premium.of(find('MoGlobalConfig')?.get())*.describe() }

    boolean isFilter(Class type) { type.name.endsWith('.MoFilter') }

    boolean isCrumbExclusion(Class type) { type.name.endsWith('.MoTfaCrumbExclusion') }

    // --- settings ---

    Map memory() {
        def held = config, otp = held.otpOverEmailDto, mail = held.advancedSettingsDTO
        [enabled          : held.enableTfa,
         securityQuestions: held.isEnableSecurityQuestionsAuthentication(),
         emailOTP         : otp == null ? null : [enabled: otp.isEnabled, sender: otp.senderEmailAddress],
         mail             : mail == null ? null : [subject : mail.customOTPEmailSubject,
                                                   template: mail.customOTPEmailTemplate]
        ] + Premium.memory(held)
    }

    Map disk() {
        if (!file.file) return null
        def xml = new XmlSlurper().parse(file)
        def text = { node -> node.isEmpty() ? null : node.text() }
        def otp = xml.otpOverEmailDto, mail = xml.moAdvancedSettingsDTO
        [enabled          : text(xml.enableTfa) == 'true',
         securityQuestions: text(xml.enableSecurityQuestionsAuthentication) == 'true',
         emailOTP         : otp.isEmpty() ? null : [enabled: text(otp.isEnabled) == 'true',
                                                    sender : text(otp.senderEmailAddress)],
         mail             : mail.isEmpty() ? null : [subject : text(mail.customOTPEmailSubject),
                                                     template: text(mail.customOTPEmailTemplate)]
        ] + Premium.disk(config, xml)
    }

    File getFile() { config.configFile.file }

    private Map flags() { load('MoFilter').moPluginSettings }

    def getLive() { flags()[LIVE] }

    void setLive(value) { value == null ? flags().remove(LIVE) : flags().put(LIVE, (Boolean) value) }

    boolean isLive(value) { live == value }

    void suspend() { live = false }

    void resume() { live = enabled }

    Map getOff() { [enabled: false] }

    boolean isOff(Map layer) { !layer?.enabled }

    boolean isEnabled() { config.enableTfa }

    boolean isEffective() { live && (switchedOn || Premium.hasFactor(config)) }

    void remember(Map wanted) {
        def target = config
        if (wanted.containsKey('enabled') && target.enableTfa != wanted.enabled) {
            target.setEnableTfa((boolean) wanted.enabled)
        }
        if (wanted.containsKey(QUESTIONS)) {
            target.setEnableSecurityQuestionsAuthentication((boolean) wanted.securityQuestions)
        }
        if (wanted.containsKey(MAIL)) {
            def otp = wanted.emailOTP
            target.@otpOverEmailDto = otp == null ? null
                : load('dto.MoOtpOverEmailDto').newInstance((Boolean) otp.enabled, otp.sender)
        }
        if (wanted.containsKey('mail')) {
            def mail = wanted.mail
            target.@moAdvancedSettingsDTO = mail == null ? null
                : load('dto.MoAdvanceSettingsDTO').newInstance(mail.subject, mail.template)
        }
        Premium.remember(target, wanted)
    }

    void save() { config.save() }

    /**
     * Mail texts that are not given stay as they are; where there are none, plain ones are set, since an empty text
     * would mail no password.
     */
    Map completed(Map wanted) {
        if (!wanted.mail) return wanted
        def held = memory().mail, plain = 'Your one-time password for Jenkins'
        wanted + [mail: [subject : wanted.mail.subject ?: held?.subject ?: plain,
                         template: wanted.mail.template ?: held?.template ?: plain + ' is $otp']]
    }

    /** The plugin's form leaves no e-mail settings where we write ones that are off. */
    boolean same(one, other) {
        one == other || [one, other].every { it == null || it instanceof Map && it.enabled == false && !it.sender }
    }

    // --- factors and users ---

    List<String> getFactors() { FACTORS.keySet() as List }

    List<String> getSwitchedOn() {
        def held = config
        [(QUESTIONS): held.isEnableSecurityQuestionsAuthentication(),
         (MAIL)     : held.isEnableOtpOverEmailAuthentication()].findAll { it.value }*.key
    }

    boolean knows(String factor) { find(FACTORS[factor].property) != null }

    boolean isEnrolled(User user, String factor) {
        user.getProperty(load(FACTORS[factor].property))?.isConfigured() as boolean
    }

    /** Nothing is kept of an enrolment in codes by mail. */
    String enrolmentOf(User user, String factor) {
        if (factor != QUESTIONS) return ''
        def held = user.getProperty(load(FACTORS[QUESTIONS].property))
        Observation.sha256(['First', 'Second', 'Custom'].collectMany {
            [held."get${it}SecurityQuestion"(user), held."get${it}SecurityQuestionAnswer"(user)]
        }.join('\n'))
    }

    void reset(User user) {
        def none = hudson.util.Secret.fromString('')
        [QUESTIONS, MAIL].findAll { knows(it) && isEnrolled(user, it) }.each { factor ->
            def held = user.getProperty(load(FACTORS[factor].property))
            if (factor == QUESTIONS) ['First', 'Second', 'Custom'].each {
                held."set${it}SecurityQuestion"(none)
                held."set${it}SecurityQuestionAnswer"(none)
            }
            held.setConfigured(false)
        }
        user.save()
    }

    boolean isEnrolledByChallenge(String factor) { factor == MAIL }

    // --- pages ---

    Page page(place) {
        def path = place.segments
        if (!place.plain || !path) return null
        if (path[0] == CHALLENGE) return place.literal ? challenge(path.drop(1)) : null
        if (path[0] == 'descriptorByName') return place.literal ? helper(path, null) : null
        def found = belowUser(place)
        if (found == null) return null
        def (rest, owner) = found
        enrolment(rest, owner) ?: helper(rest, owner)
    }

    private static Page challenge(List rest) {
        if (!rest) return new Page(null, Page.CHOOSE)
        def factor = FACTORS.find { it.value.challenge == rest[0] }
        if (factor == null || rest.size() > 2) return null
        def kind = rest.size() == 1 ? Page.SHOW
            : rest[1] == factor.value.answer ? Page.ANSWER
            : rest[1] == factor.value.send ? Page.SEND : null
        kind == null ? null : new Page(factor.key, kind)
    }

    private static Page enrolment(List rest, String owner) {
        if (rest == [OVERVIEW]) return new Page(null, Page.OVERVIEW, owner)
        def factor = rest && rest.size() <= 2 ? FACTORS.find { it.value.enrolment == rest[0] } : null
        if (factor == null) return null
        def kind = rest.size() == 1 ? Page.ENROL_PAGE
            : rest[1] == factor.value.enrol ? Page.ENROL
            : rest[1] == 'reset' ? Page.RESET : null
        kind == null ? null : new Page(factor.key, kind, owner)
    }

    private static Page helper(List rest, String owner) {
        if (rest.size() != 3 || rest[0] != 'descriptorByName' || !(rest[2] ==~ /(fill|check)\w+/)) return null
        def factor = FACTORS.find { rest[1] == "$PACKAGE.${it.value.property}".toString() }
        factor == null ? null : new Page(factor.key, Page.HELPER, owner)
    }

    boolean isMentioned(place) {
        place.words.any { word ->
            word in WORDS || FACTORS.values().any { word.endsWith(it.property.replaceFirst('.*\\.', '.')) }
        }
    }

    boolean areSettingsMentioned(place) { SETTINGS in place.words }

    String placeFor(User user, List<String> enrolled, String from) {
        if (enrolled.size() > 1) return "$CHALLENGE/"
        enrolled ? placeOf(enrolled[0]) : "user/${escaped(user.id)}/$OVERVIEW/"
    }

    String placeOf(String factor) { "$CHALLENGE/${FACTORS[factor].challenge}/" }

    // --- sessions, and what the plugin keeps ---

    String markOf(User user) { user.id + MARK }

    boolean isMark(String attribute) { attribute.endsWith(MARK) }

    boolean accepts(value) { Boolean.parseBoolean(String.valueOf(value)) }

    /** The plugin reads a mark by its text. */
    def newPass() { new AtomicBoolean(true) }

    void revoke(pass) { if (pass instanceof AtomicBoolean) pass.set(false) }

    boolean isOurs(value) { value instanceof AtomicBoolean || value?.class?.name == 'RequestPass' }

    String getRelay() { RELAY }

    /** This session's questions with the answers stored now, and the code that was mailed to this session. */
    void prepare(visit, Page page) {
        def id = visit.user.id, kept = keptOf(visit)
        if (page.factor == QUESTIONS) {
            def held = kind('MoSecurityQuestionAuth').newInstance()
            if (kept.first != null) {
                held.@firstRandomSecurityQuestionIndex = (int) kept.first
                held.@secondRandomSecurityQuestionIndex = (int) kept.second
            }
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

    void putAway(visit, Page page, boolean verified) {
        def id = visit.user.id, kept = keptOf(visit)
        if (page.factor == QUESTIONS) {
            def held = pages().@moSecurityQuestionAuthMap.remove(id)
            if (page.kind == Page.SHOW && held != null) {
                kept = kept + [first : held.@firstRandomSecurityQuestionIndex,
                               second: held.@secondRandomSecurityQuestionIndex, wrong: false]
            }
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

    boolean isAnswerable(visit, Page page) { page.factor != MAIL || codeOf(visit) != null }

    /** The code that this session may answer with, or null. */
    private static String codeOf(visit) {
        def kept = keptOf(visit)
        kept.code != null && System.nanoTime() - kept.sent <= CODE_MILLIS * 1_000_000L ? kept.code : null
    }

    void forget(String user) {
        def all = [pages().@moSecurityQuestionAuthMap, pages().@moOtpOverEmailAuthMap, codes()]
        all.each { user == null ? it.clear() : it.remove(user) }
    }

    private static Map keptOf(visit) { visit.attribute(KEPT + visit.user.id) ?: [:] }

    private pages() { hudson.ExtensionList.lookupSingleton(load('MoUserAuth')) }

    private Class kind(String name) { load("tfaMethodsAuth.$name") }

    private Map codes() { constant('sentOtp') }

    private Random chance() { constant('RANDOM') }

    private constant(String name) {
        def field = kind('MoOtpOverEmailAuth').getDeclaredField(name)
        field.accessible = true
        field.get(null)
    }
}
