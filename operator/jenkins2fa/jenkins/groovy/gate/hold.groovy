/**
 * That 2FA is enforced, and by which factors, as it was confirmed: kept in state.json. While it holds, people are
 * asked whatever the plugin's own settings say. Who wants 2FA off says so by a policy, a break-glass or
 * `jenkins2fa gate remove`.
 */
class Hold {
    /** [factors: names], or null. */
    static Map getCurrent() { Shared.state.hold }

    static List<String> getFactors() { current?.factors?.findAll { it in Plugin.current.factors } }

    /** False and null are none. */
    static void set(hold) { hold ? Shared.state.put('hold', hold) : Shared.state.remove('hold') }

    static boolean isAs(hold) { current == (hold ?: null) }

    static Map getStored() { (Map) Store.read(State.FILE)?.hold }

    /** A note that cannot be read holds: on is the safe side. */
    static void atStartup() {
        try { set(stored) } catch (NoteDamaged damaged) { set([factors: []]) }
        if (current != null && !Plugin.current.present) sayAbsent()
    }

    /** Whether who has not given a second factor is asked for it now. */
    static boolean isDemanded() {
        if (BreakGlass.open) return false
        if (current == null) return Plugin.current.present && Plugin.current.effective
        if (!Plugin.current.present) { sayAbsent(); return false }
        if (Plugin.current.effective) Shared.state.remove('holdSaid')
        else say('off', '2FA was switched off in the plugin\'s own settings, but a policy demands it: people are ' +
            'asked all the same. To switch it off for a while, open a break-glass (spec.breakGlass of its policy)')
        true
    }

    private static void sayAbsent() {
        def effect = 'nobody can be asked for a second factor, although a policy demands it'
        say('absent', 'the 2FA plugin is not there: ' + effect)
    }

    private static void say(String what, String text) {
        if (Shared.state.put('holdSaid', what) != what) Shared.log(text)
    }
}

/** Which second factors count now. */
class Factors {
    /**
     * Those that were confirmed, while the gate holds; else those that the plugin has switched on, or, where there
     * is none, all that people could enrol in.
     */
    static List<String> enabled() { Hold.factors ?: Plugin.current.switchedOn ?: Plugin.current.factors }

    static List<String> enrolled(User user) { enabled().findAll { Plugin.current.isEnrolled(user, it) } }
}
