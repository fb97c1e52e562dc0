/** Writes the plugin's settings, and takes back what was written. */
class Settings {
    static void setLive(value) { value == null ? Layers.live.remove(Layers.LIVE) : Layers.live.put(Layers.LIVE, (Boolean) value) }

    /** Whether the file holds what memory holds; what is not kept there under its own name cannot be compared. */
    static boolean isStored() { def kept = Layers.disk(); kept != null && kept == Layers.memory().subMap(kept.keySet()) }

    static String digest() { Layers.file.file ? Code.sha256(Layers.file.getText('UTF-8')) : null }

    /** Mail texts that nobody names stay as they are; where there are none, plain ones: an empty text would mail no password. */
    static Map completed(Map wanted) {
        if (!wanted.mail) return wanted
        def held = Layers.memory().mail
        wanted + [mail: [subject : wanted.mail.subject ?: held?.subject ?: 'Your one-time password for Jenkins',
                         template: wanted.mail.template ?: held?.template ?: 'Your one-time password for Jenkins is $otp']]
    }

    /** Sets the given keys in memory; a key that is absent stays as it is. */
    static void remember(Map wanted) {
        def target = Layers.config
        if (wanted.containsKey('enabled') && target.enableTfa != wanted.enabled) target.setEnableTfa((boolean) wanted.enabled)
        if (wanted.containsKey('securityQuestions')) target.setEnableSecurityQuestionsAuthentication((boolean) wanted.securityQuestions)
        if (wanted.containsKey('emailOTP')) {
            def otp = wanted.emailOTP
            target.@otpOverEmailDto = otp == null ? null : Layers.load('dto.MoOtpOverEmailDto').newInstance((Boolean) otp.enabled, otp.sender)
        }
        if (wanted.containsKey('mail')) {
            def mail = wanted.mail
            target.@moAdvancedSettingsDTO = mail == null ? null : Layers.load('dto.MoAdvanceSettingsDTO').newInstance(mail.subject, mail.template)
        }
        Premium.remember(target, wanted)
    }

    /** To disk. Jenkins logs a failed save and goes on, so only reading the file again tells. */
    static void save() {
        Layers.config.save()
        if (!isStored()) throw new NotPersisted('the plugin\'s settings could not be written to disk')
    }

    /** Whether memory still holds all that the trial wrote. */
    static boolean holds(Map wrote) { def now = Layers.memory(); wrote.every { key, value -> same(now[key], value) } }

    /** The plugin's form leaves no e-mail settings where we write ones that are off. */
    static boolean same(one, other) { one == other || [one, other].every { it == null || it instanceof Map && it.enabled == false && !it.sender } }

    /** Before the other layers, since it is the one that locks people out. In a break-glass it is on only if somebody has saved the plugin's form since, and stays so if it was on before. */
    static void takeBackLive(Map wrote, former) {
        if (wrote.containsKey('enabled') && Layers.live[Layers.LIVE] == wrote.enabled && !(BreakGlass.open && former)) setLive(former)
    }

    /** Puts back each key that still holds what the trial wrote; what somebody else has changed since then stays. */
    static void undo(Map wrote, Map before) {
        takeBackLive(wrote, before.live)
        def now = Layers.memory()
        remember(wrote.keySet().findAll { same(now[it], wrote[it]) }.collectEntries { [it, before.memory[it]] })
    }

    /** After a restart, memory came from disk, and so did the live flag where nothing of ours ran at the start: what an unconfirmed trial wrote there is taken out of them. */
    static void forget(Map wrote, Map before) {
        if (digest() == before.digest) return
        def former = before.disk ?: before.memory, now = Layers.memory(), ours = wrote.keySet().findAll { same(now[it], wrote[it]) }
        takeBackLive(wrote.subMap(ours), former.enabled)
        remember(ours.collectEntries { [it, former[it]] })
    }

    /** Takes from disk what the trial wrote and nobody confirmed: somebody saved meanwhile, or the confirmation failed half-way. Memory stays as it is. */
    static void purge(Map wrote, Map before) {
        if (digest() == before.digest) return
        def stored = Layers.disk(), former = before.disk ?: before.memory, now = Layers.memory()
        def ours = stored == null ? [:] : wrote.findAll { key, value -> same(stored[key], value) && !same(former[key], value) }
        if (!ours) return
        remember(stored + ours.collectEntries { key, value -> [key, former[key]] })
        try { save() } finally { remember(now) }
    }
}
