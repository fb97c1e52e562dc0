/**
 * The plugin openmfa: codes of an authenticator app. It has no live flag, keeps nothing of one session for another, and
 * compares a code with the secret that is stored now. Verifying replaces the session. It lets every request with an
 * API token pass. Users and roles that it exempts are asked by the gate all the same: its pages serve them too.
 */
class OpenMfa extends Plugin {
    static final String PACKAGE = 'io.jenkins.plugins.openmfa'
    static final String APP = 'mobileAuthenticator'
    static final String MARK = 'X-Plugin-OpenMFA-Verified', RELAY = 'from'
    static final String CHALLENGE = 'mfa-login', ENROLMENT = 'mfa-setup', MANAGEMENT = 'mfa-management'
    static final Map ACTIONS = [enable: Page.ENROL, disable: Page.RESET]
    static final Set MANAGING = ['resetMFA', 'setMFA'] as Set
    /** The role of every user who has logged in: with it among the exempt ones, the plugin asks nobody. */
    static final String EVERYONE = 'authenticated'
    static final Map MEMBERS = [
        'MFAGlobalConfiguration': ['get', 'isRequireMFA', 'setRequireMFA', 'getIssuer', 'setIssuer', 'getExemptUsers',
                                   'setExemptUsers', 'getExemptRoles', 'setExemptRoles'],
        'MFAFilter'             : ['doFilter'],
        'MFAUserProperty'       : ['forUser', 'isEnabled', 'getSecret'],
        'base.MFAContext'       : ['i', 'getService'],
        'service.RateLimitService': ['isLockedOut', 'lockouts', 'clearFailedAttempts'],
        'service.UserService'   : ['resetMFA'],
    ]
    /** In the gate's state: the exempt roles as they are without a break-glass. */
    private static final String SUSPENDED = 'suspendedRoles'

    protected String getRootPackage() { PACKAGE }

    protected Map getMembers() { MEMBERS }

    private getConfig() { load('MFAGlobalConfiguration').get() }

    // --- the installed version ---

    String getName() { 'openmfa' }

    String getCodeKey() { 'openMFA' }

    boolean isPresent() { find('MFAGlobalConfiguration')?.get() != null }

    String getEdition() { present ? 'free' : null }

    List getFoundProperties() { [] }

    boolean isFilter(Class type) { type.name == PACKAGE + '.MFAFilter' }

    boolean isCrumbExclusion(Class type) { false }

    // --- settings: lists are the plugin's own texts, one name a line ---

    Map memory() {
        def held = config
        layer(held.requireMFA, held.issuer, textOf(held, 'exemptUsers'), roles)
    }

    Map disk() {
        if (!file.file) return null
        def xml = new XmlSlurper().parse(file)
        layer(xml.requireMFA.text() == 'true', xml.issuer.text(), xml.exemptUsers.text(), xml.exemptRoles.text())
    }

    /** Versions before 111 exempt nobody. */
    private static String textOf(held, String name) { held.hasProperty(name) ? held[name] ?: '' : '' }

    private static Map layer(boolean required, String issuer, String users, String roles) {
        [enabled: required, exemptsEveryone: isForEveryone(roles), issuer: issuer ?: '', exemptUsers: users ?: '',
         exemptRoles: roles ?: '']
    }

    File getFile() { config.configFile.file }

    boolean isEnabled() { config.requireMFA && !isForEveryone(roles) }

    boolean isEffective() { config.requireMFA && !isForEveryone(textOf(config, 'exemptRoles')) }

    /** Lists first, since the switch for everyone is one of their lines. */
    void remember(Map wanted) {
        def target = config
        if (wanted.containsKey('issuer')) target.issuer = wanted.issuer
        if (wanted.containsKey('exemptUsers')) target.exemptUsers = wanted.exemptUsers
        if (wanted.containsKey('exemptRoles')) roles = wanted.exemptRoles
        if (wanted.containsKey('exemptsEveryone') && isForEveryone(roles) != wanted.exemptsEveryone) {
            roles = wanted.exemptsEveryone ? withEveryone(roles) : withoutEveryone(roles)
        }
        if (wanted.containsKey('enabled')) target.requireMFA = (boolean) wanted.enabled
    }

    /** Without what a break-glass has put into memory. */
    void save() {
        def target = config, now = target.exemptRoles
        target.exemptRoles = roles
        try { target.save() } finally { target.exemptRoles = now }
    }

    Map completed(Map wanted) { wanted }

    Map getOff() { [enabled: false, exemptsEveryone: true] }

    /** As it comes after its installation, it asks those who are enrolled. */
    boolean isOff(Map layer) { layer != null && off.every { key, value -> layer[key] == value } }

    void suspend() {
        if (kept(SUSPENDED) == null) Shared.state.put(SUSPENDED, config.exemptRoles ?: '')
        config.exemptRoles = withEveryone(roles)
    }

    void resume() {
        def former = Shared.state.remove(SUSPENDED)
        if (former != null && config.exemptRoles == withEveryone(former)) config.exemptRoles = former
    }

    /** The exempt roles, without what a break-glass has put there; roles set since then count. */
    private String getRoles() {
        def former = kept(SUSPENDED), now = textOf(config, 'exemptRoles')
        former != null && now == withEveryone(former) ? former : now
    }

    private void setRoles(String text) {
        def isSuspended = kept(SUSPENDED) != null
        if (isSuspended) Shared.state.put(SUSPENDED, text)
        config.exemptRoles = isSuspended ? withEveryone(text) : text
    }

    /** Not from Shared, which an observation by script does not have. */
    private static kept(String key) { Filters.context.getAttribute('jenkins2fa')?.get(key) }

    private static List linesOf(String text) { (text ?: '').split('\n', -1) as List }

    private static boolean isEveryone(String line) { line.trim().equalsIgnoreCase(EVERYONE) }

    private static boolean isForEveryone(String text) { linesOf(text).any { isEveryone(it) } }

    private static String withEveryone(String text) {
        isForEveryone(text) ? text : text?.trim() ? "$text\n$EVERYONE".toString() : EVERYONE
    }

    private static String withoutEveryone(String text) { linesOf(text).findAll { !isEveryone(it) }.join('\n') }

    // --- factors and users ---

    List<String> getFactors() { [APP] }

    List<String> getSwitchedOn() { [APP] }

    boolean knows(String factor) { factor == APP && find('MFAUserProperty') != null }

    boolean isEnrolled(User user, String factor) { load('MFAUserProperty').forUser(user)?.isEnabled() as boolean }

    String enrolmentOf(User user, String factor) {
        Observation.sha256(load('MFAUserProperty').forUser(user)?.getSecret()?.plainText ?: '')
    }

    void reset(User user) {
        service('UserService').resetMFA(user)
        limits.clearFailedAttempts(user.id)
    }

    boolean isEnrolledByChallenge(String factor) { false }

    // --- pages ---

    Page page(place) {
        def path = place.segments
        if (!place.plain || !path) return null
        if (path[0] == CHALLENGE) return place.literal ? challenge(path.drop(1)) : null
        def managed = path[0] == 'manage' ? path.drop(1) : path
        if (managed && managed[0] == MANAGEMENT) return place.literal ? management(managed.drop(1)) : null
        def found = belowUser(place)
        if (found == null || !found[0] || found[0][0] != ENROLMENT || found[0].size() > 2) return null
        def action = found[0][1], kind = action == null ? Page.ENROL_PAGE : ACTIONS[action]
        kind == null ? null : new Page(APP, kind, found[1])
    }

    private static Page challenge(List rest) {
        rest == [] ? new Page(APP, Page.SHOW) : rest == ['verify'] ? new Page(APP, Page.ANSWER) : null
    }

    private static Page management(List rest) {
        rest == [] || (rest.size() == 1 && rest[0] in MANAGING) ? new Page(APP, Page.ADMINISTER) : null
    }

    boolean isMentioned(place) {
        def words = place.words
        if (words.any { it in [CHALLENGE, ENROLMENT, MANAGEMENT] || it in MANAGING || isAboutUsers(it) }) return true
        words.any { it in ACTIONS.keySet() } && words.any { it in FactorChange.PEOPLE }
    }

    /** A class of the plugin named in a path, other than its settings. */
    private static boolean isAboutUsers(String word) {
        word.contains(PACKAGE) && !word.contains(PACKAGE + '.MFAGlobalConfiguration')
    }

    boolean areSettingsMentioned(place) { place.words.any { it.contains(PACKAGE + '.MFAGlobalConfiguration') } }

    /** Below the context path, as the plugin itself redirects. */
    String root(request) { request.contextPath + '/' }

    String placeFor(User user, List<String> enrolled, String from) {
        if (!enrolled) return "user/${escaped(user.id)}/$ENROLMENT/"
        placeOf(APP) + (from ? "?$RELAY=${escaped('/' + from)}" : '')
    }

    String placeOf(String factor) { "$CHALLENGE/" }

    boolean leadsAway(request) {
        try {
            def wanted = request.getParameterValues(RELAY) ?: []
            !wanted.every { it == '' || Relay.isLocal(it) }
        } catch (RuntimeException unreadable) { true }
    }

    // --- sessions ---

    /** One for all users of a session. The gate's records are by user, so another user's mark counts for nothing. */
    String markOf(User user) { MARK }

    boolean isMark(String attribute) { attribute == MARK }

    boolean accepts(value) { Boolean.TRUE == value }

    /** Equal to the plugin's own mark, but another object: that tells them apart. */
    def newPass() { new Boolean(true) }

    boolean isOurs(value) { value instanceof Boolean && value && !value.is(Boolean.TRUE) }

    boolean isOpenToTokens() { true }

    // --- its own limit of wrong answers ---

    /** An answer that the plugin does not look at is neither right nor wrong. */
    boolean isAnswerable(visit, Page page) { !limits.isLockedOut(visit.user.id) }

    int getLockedOut() {
        def now = System.currentTimeMillis()
        limits.@lockouts.values().count { it > now } as int
    }

    private getLimits() { service('RateLimitService') }

    private service(String name) { load('base.MFAContext').i().getService(load("service.$name")) }
}
