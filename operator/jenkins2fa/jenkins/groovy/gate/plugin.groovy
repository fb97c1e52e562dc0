/**
 * All that the gate, a trial and an observation ask of a 2FA plugin. They know no plugin by name: a second one is
 * another subclass in KNOWN. Factors are named by the operator's words (securityQuestions, emailOTP, ...).
 */
abstract class Plugin {
    private static final List<Plugin> KNOWN = [new MiniOrange()]
    private static volatile Plugin chosen

    /** The one whose plugin is active; if none is, the first, which reports that it is not present. */
    static Plugin getCurrent() {
        if (chosen == null) chosen = KNOWN.find { Jenkins.get().pluginManager.getPlugin(it.name)?.active }
        chosen ?: KNOWN[0]
    }

    /** Short name in the update centre. */
    abstract String getName()

    abstract boolean isPresent()

    /** What the installed version lacks of the classes and members that we use. */
    abstract List getMissing()

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

    /** The flag that its filter reads, apart from the settings; null: not set. */
    abstract getLive()

    abstract void setLive(value)

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

    /** Where an unverified user is sent, below the root URL; `enrolled`: in these factors. */
    abstract String placeFor(User user, List<String> enrolled)

    abstract String placeOf(String factor)

    // --- sessions ---

    /** The session attribute by which the plugin takes a user for verified. */
    abstract String markOf(User user)

    abstract boolean isMark(String attribute)

    /** The session attribute that holds where the plugin redirects a user after the answers. */
    abstract String getRelay()

    // --- what the plugin keeps between requests, by user and for all sessions ---

    /** Before a page of the challenge: sets what belongs to this session, from the stored values. */
    abstract void prepare(visit, Page page)

    /** After it: keeps what belongs to this session, and leaves nothing to the others. */
    abstract void putAway(visit, Page page, boolean verified)

    /** Whether this session has what an answer on that page is compared with. */
    abstract boolean isAnswerable(visit, Page page)

    /** Forgets answers and codes from before: of a user whose factor has changed, or (null) of all users. */
    abstract void forget(String user)
}
