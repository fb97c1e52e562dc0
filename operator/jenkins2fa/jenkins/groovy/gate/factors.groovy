/** Which second factors count now. */
class Factors {
    /** Those that were confirmed, while the gate holds; else those that the plugin has switched on, or, where there is none, all that people could enrol in. */
    static List<String> enabled() { Hold.factors ?: MiniOrange.switchedOn() ?: MiniOrange.FACTORS.keySet() as List }

    static List<String> enrolled(User user) { enabled().findAll { MiniOrange.isEnrolled(user, it) } }
}
