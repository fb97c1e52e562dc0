/**
 * All that the gate, a trial and an observation ask of a 2FA plugin. They know no plugin by name: a second one is
 * another subclass in KNOWN. Factors are named by the operator's words (securityQuestions, emailOTP, ...).
 */
abstract class Plugin {
    private static final List<Plugin> KNOWN = [new MiniOrange(), new OpenMfa()]
    private static volatile Plugin chosen

    /**
     * The one that was chosen; else the active one, of two active ones the one that asks users now; else the first,
     * which reports that it is not present.
     */
    static Plugin getCurrent() {
        def found = chosen
        if (found != null) return found
        def active = KNOWN.findAll { it.active }
        if (active.size() == 1) chosen = active[0]
        active.find { active.size() > 1 && it.present && it.effective } ?: active[0] ?: KNOWN[0]
    }

    /** From now on the one with this name; null: the one that is found. */
    static void choose(String name) { chosen = KNOWN.find { it.name == name } }

    /** The one with this name; null, or none that we know: the one that counts now. */
    static Plugin named(String name) { KNOWN.find { it.name == name } ?: current }

    static List<Plugin> getAll() { KNOWN }

    /** The others that are installed. */
    static List<Plugin> getOthers() { KNOWN.findAll { !it.is(current) && it.wrapper != null } }

    /** All that could challenge somebody in this run of Jenkins. */
    static List<Plugin> getRunning() { KNOWN.findAll { it.usable } }

    /** Another one than counts, to whose pages of the second factor any reader of the path could come; else null. */
    static Plugin otherMentioned(place) {
        KNOWN.find { !it.is(current) && it.isMentioned(place) && it.usable }
    }

    def getWrapper() { Jenkins.get().pluginManager.getPlugin(name) }

    boolean isActive() { wrapper?.active ?: false }

    /** Active, and with all that this class needs. */
    boolean isUsable() { active && present }

    /** Short name in the update centre. */
    abstract String getName()

    abstract boolean isPresent()

    /** Found once: the plugin's classes do not change while Jenkins runs. */
    private volatile List lacking

    /** What the installed version lacks of the classes and members that we use. */
    List getMissing() {
        if (!present) return []
        if (lacking == null) lacking = findMissing().asImmutable()
        lacking
    }

    private List findMissing() {
        members.collectMany { name, needed ->
            def type = find(name)
            if (type == null) return [name]
            def have = (type.methods*.name + type.declaredFields*.name) as Set
            def lacks = needed.findAll { !(it in have) && !("is${it.drop(3)}".toString() in have) }
            lacks.collect { "$name.$it".toString() }
        }
    }

    /** The members that we use, by the class's name within the plugin's package. */
    protected abstract Map<String, List> getMembers()

    protected abstract String getRootPackage()

    protected Class load(String name) { Jenkins.get().pluginManager.uberClassLoader.loadClass("$rootPackage.$name") }

    protected Class find(String name) { try { load(name) } catch (ClassNotFoundException absent) { null } }

    /** free or premium; null: not present. */
    abstract String getEdition()

    /** Settings beyond those that every edition has, as maps: role, name, kind, writable, stored, choices. */
    abstract List getFoundProperties()

    /** The key of its settings in configuration-as-code. */
    abstract String getCodeKey()

    // --- settings; each layer is a map of what the operator's settings document holds ---

    abstract Map memory()

    /**
     * The same as the file holds it, or null when that was never written; without keys that are not kept under a
     * name of their own.
     */
    abstract Map disk()

    abstract File getFile()

    /** The flag that its filter reads, apart from the settings; null: not set, or the plugin has no such flag. */
    def getLive() { null }

    void setLive(value) { }

    /** Whether the flag, where the plugin has one, has this value. */
    boolean isLive(value) { true }

    /** Switches 2FA off for a while: only for this run of Jenkins, and neither `memory` nor `disk` shows it. */
    abstract void suspend()

    /** Ends that; without it, lets the settings in memory take effect. */
    abstract void resume()

    /** The settings with which it asks nobody. */
    abstract Map getOff()

    /** Whether a layer, as in `memory` or `disk`, makes it ask nobody at all; null: no file, so its defaults. */
    abstract boolean isOff(Map layer)

    /** In which of disk, memory and live it is not switched off. */
    List<String> getLayersOn() {
        if (!present) return []
        [disk: !isOff(disk()), memory: !isOff(memory()), live: live as boolean].findAll { it.value }*.key
    }

    /** Whether 2FA is on in memory. */
    abstract boolean isEnabled()

    /** Whether it challenges users now. */
    abstract boolean isEffective()

    /** Sets the given keys in memory; a key that is absent stays as it is. */
    abstract void remember(Map wanted)

    /** Writes to disk; read the file to check the result. */
    abstract void save()

    /** The desired settings, with defaults for values that must not be empty. */
    abstract Map completed(Map wanted)

    /** Whether two values of one key mean the same. */
    boolean same(one, other) { one == other }

    // --- its classes in Jenkins ---

    abstract boolean isFilter(Class type)

    /** Whether it is what the plugin exempts from Jenkins' check for forged requests. */
    abstract boolean isCrumbExclusion(Class type)

    // --- factors and users ---

    abstract List<String> getFactors()

    abstract List<String> getSwitchedOn()

    /** Whether this version has the factor. */
    abstract boolean knows(String factor)

    abstract boolean isEnrolled(User user, String factor)

    /** Something that a new enrolment of the user in the factor changes, and that tells nothing about it. */
    String enrolmentOf(User user, String factor) { '' }

    /** Removes every factor of the user that this class knows, as the plugin's own pages do. */
    abstract void reset(User user)

    /** Whether a user without any factor enrols in it by its challenge. */
    abstract boolean isEnrolledByChallenge(String factor)

    // --- pages ---

    /**
     * The page that this path is, written plainly in one of the ways in which the plugin and Jenkins link to it;
     * else null.
     */
    abstract Page page(place)

    /** Whether any reader of the path could come to a page of the second factor. */
    abstract boolean isMentioned(place)

    /** Whether any reader of the path could come to the plugin's settings. */
    abstract boolean areSettingsMentioned(place)

    /**
     * Where an unverified user is sent, below `root`. enrolled: in these factors; from: the page requested first, below
     * the root, or null.
     */
    abstract String placeFor(User user, List<String> enrolled, String from)

    abstract String placeOf(String factor)

    /** What stands before these places in a redirect. */
    String root(request) { Jenkins.get().rootUrl ?: request.contextPath + '/' }

    // --- sessions ---

    /** The session attribute by which the plugin takes a user for verified. */
    abstract String markOf(User user)

    abstract boolean isMark(String attribute)

    /** Whether the plugin takes this value of the attribute for a mark. */
    abstract boolean accepts(value)

    /** A new value that the plugin accepts, for all sessions that the gate lets pass. */
    abstract newPass()

    /** Whether the gate made this value, not the plugin. */
    abstract boolean isOurs(value)

    /** Makes this plugin refuse the value in every session that has it, if the gate made it so that it can be revoked. */
    void revoke(pass) { }

    /** Whether it lets every request with an API token pass, so that the gate needs no mark for one. */
    boolean isOpenToTokens() { false }

    /**
     * The session attribute that holds where the plugin redirects a user after the answers; null: the request says it.
     */
    String getRelay() { null }

    /** Whether the request asks for a redirect to another host after the answers. */
    boolean leadsAway(request) { false }

    /** How many users it does not let answer at the moment, after wrong answers. */
    int getLockedOut() { 0 }

    // --- what the plugin keeps between requests, by user and for all sessions; nothing, unless a subclass says so ---

    /** Before a page of the challenge: sets what belongs to this session, from the stored values. */
    void prepare(visit, Page page) { }

    /** After it: keeps what belongs to this session, and leaves nothing to the others. */
    void putAway(visit, Page page, boolean verified) { }

    /** Whether the plugin will compare an answer on that page with anything. */
    boolean isAnswerable(visit, Page page) { true }

    /** Forgets answers and codes from before: of a user whose factor has changed, or (null) of all users. */
    void forget(String user) { }

    // --- for the subclasses ---

    private static final List OWNERS = [['user'], ['securityRealm', 'user'], ['manage', 'securityRealm', 'user']]

    /**
     * What follows in the path after a user's own pages, and the user's id in it (null: the current user's pages);
     * else null. Only the id may be written with escapes.
     */
    protected static List belowUser(place) {
        def path = place.segments
        def prefix = path[0] == 'me' ? ['me'] : OWNERS.find { path.size() > it.size() && path.take(it.size()) == it }
        if (prefix == null) return null
        def owner = prefix == ['me'] ? null : path[prefix.size()], at = prefix.size() + (owner == null ? 0 : 1)
        if (!place.raw.indices.every { place.isLiteral(it) || (owner != null && it == at - 1) }) return null
        [path.drop(at), owner]
    }

    protected static String escaped(String text) { java.net.URLEncoder.encode(text, 'UTF-8').replace('+', '%20') }
}
