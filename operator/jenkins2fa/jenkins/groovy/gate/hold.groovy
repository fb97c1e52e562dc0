/**
 * The confirmed state of enforcement, with its factors, kept in state.json. While it holds, users are challenged
 * whatever the plugin's own settings are. To switch 2FA off: a policy, a break-glass or `jenkins2fa gate remove`.
 */
class Hold {
    /** [factors: names], or null. */
    static Map getCurrent() { Shared.state.hold }

    static List<String> getFactors() { current?.factors?.findAll { it in Plugin.current.factors } }

    /** False and null clear the hold. */
    static void set(hold) { hold ? Shared.state.put('hold', hold) : Shared.state.remove('hold') }

    static boolean isAs(hold) { current == (hold ?: null) }

    static Map getStored() { (Map) Store.read(State.FILE)?.hold }

    /** A file that cannot be read counts as a hold: enforcing is the safe side. */
    static void atStartup() {
        try { set(stored) } catch (NoteDamaged damaged) { set([factors: []]) }
        if (current != null && !Plugin.current.present) sayAbsent()
    }

    /** Whether unverified users are challenged now. */
    static boolean isDemanded() {
        if (BreakGlass.open) return false
        if (current == null) return Plugin.current.present && Plugin.current.effective
        if (!Plugin.current.present) { sayAbsent(); return false }
        if (Plugin.current.effective) Shared.state.remove('holdSaid')
        else say('off', '2FA was switched off in the plugin\'s own settings, but a policy demands it: the gate still ' +
            'asks for a second factor. To switch 2FA off for a while, create a TwoFactorBreakGlass')
        true
    }

    private static void sayAbsent() {
        def effect = 'no second factor can be demanded, although a policy requires it: activate the plugin again'
        say('absent', 'the 2FA plugin is missing or inactive: ' + effect)
    }

    private static void say(String what, String text) {
        if (Shared.state.put('holdSaid', what) != what) Shared.log(text)
    }
}

/** The second factors that count now. */
class Factors {
    /**
     * The confirmed factors while the gate holds; otherwise those enabled in the plugin or, when none is enabled, all
     * that users could enrol in.
     */
    static List<String> enabled() { Hold.factors ?: Plugin.current.switchedOn ?: Plugin.current.factors }

    static List<String> enrolled(User user) { enabled().findAll { Plugin.current.isEnrolled(user, it) } }
}
