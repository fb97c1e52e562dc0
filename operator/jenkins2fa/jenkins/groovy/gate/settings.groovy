/** Takes the plugin's settings to disk, and takes back what a trial wrote. */
class Settings {
    /** Whether the file holds what memory holds; what is not kept there under its own name cannot be compared. */
    static boolean isStored() {
        def kept = Plugin.current.disk()
        kept != null && kept == Plugin.current.memory().subMap(kept.keySet())
    }

    static String digest() {
        def file = Plugin.current.file
        file.file ? Code.sha256(file.getText('UTF-8')) : null
    }

    /** To disk. Jenkins logs a failed save and goes on, so only reading the file again tells. */
    static void save() {
        Plugin.current.save()
        if (!isStored()) throw new NotPersisted('the plugin\'s settings could not be written to disk')
    }

    /** Whether memory still holds all that the trial wrote. */
    static boolean holds(Map wrote) {
        def plugin = Plugin.current, now = plugin.memory()
        wrote.every { key, value -> plugin.same(now[key], value) }
    }

    /**
     * Before the other layers, since it is the one that locks people out. In a break-glass it is on only if
     * somebody has saved the plugin's form since, and stays so if it was on before.
     */
    static void takeBackLive(Map wrote, former) {
        def plugin = Plugin.current
        def isOurs = wrote.containsKey('enabled') && plugin.live == wrote.enabled
        if (isOurs && !(BreakGlass.open && former)) plugin.setLive(former)
    }

    /** Puts back each key that still holds what the trial wrote; what somebody else has changed since then stays. */
    static void undo(Map wrote, Map before) {
        takeBackLive(wrote, before.live)
        def plugin = Plugin.current, now = plugin.memory()
        def ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        plugin.remember(ours.collectEntries { [it, before.memory[it]] })
    }

    /**
     * After a restart, memory came from disk, and so did the live flag where nothing of ours ran at the start:
     * what an unconfirmed trial wrote there is taken out of them.
     */
    static void forget(Map wrote, Map before) {
        if (digest() == before.digest) return
        def plugin = Plugin.current, former = before.disk ?: before.memory, now = plugin.memory()
        def ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        takeBackLive(wrote.subMap(ours), former.enabled)
        plugin.remember(ours.collectEntries { [it, former[it]] })
    }

    /**
     * Takes from disk what the trial wrote and nobody confirmed: somebody saved meanwhile, or the confirmation
     * failed half-way. Memory stays as it is.
     */
    static void purge(Map wrote, Map before) {
        if (digest() == before.digest) return
        def plugin = Plugin.current, stored = plugin.disk(), now = plugin.memory()
        def former = before.disk ?: before.memory
        def ours = stored == null ? [:]
            : wrote.findAll { key, value -> plugin.same(stored[key], value) && !plugin.same(former[key], value) }
        if (!ours) return
        plugin.remember(stored + ours.collectEntries { key, value -> [key, former[key]] })
        try { save() } finally { plugin.remember(now) }
    }
}
