/** Writes the plugin's settings to disk, and undoes what a trial wrote. */
class Settings {
    /** Whether the file equals memory; settings that the file does not hold under their own name are not compared. */
    static boolean isStored() {
        def kept = Plugin.current.disk()
        kept != null && kept == Plugin.current.memory().subMap(kept.keySet())
    }

    static String digest() {
        def file = Plugin.current.file
        file.file ? Code.sha256(file.getText('UTF-8')) : null
    }

    /** Writes to disk. Jenkins only logs a failed save, so the file is read again. */
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
     * Before the other layers, since this one locks people out. During a break-glass it is on only if the plugin's
     * form was saved since, and stays on if it was on before.
     */
    static void takeBackLive(Map wrote, former) {
        def plugin = Plugin.current
        def isOurs = wrote.containsKey('enabled') && plugin.live == wrote.enabled
        if (isOurs && !(BreakGlass.open && former)) plugin.setLive(former)
    }

    /** Restores each key that still holds the trial's value; a value that was changed since then stays. */
    static void undo(Map wrote, Map before) {
        takeBackLive(wrote, before.live)
        def plugin = Plugin.current, now = plugin.memory()
        def ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        plugin.remember(ours.collectEntries { [it, before.memory[it]] })
    }

    /**
     * After a restart, memory comes from disk, and so does the live flag where nothing of ours ran at the start. This
     * removes from them what an unconfirmed trial wrote to disk.
     */
    static void forget(Map wrote, Map before) {
        if (digest() == before.digest) return
        def plugin = Plugin.current, former = before.disk ?: before.memory, now = plugin.memory()
        def ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        takeBackLive(wrote.subMap(ours), former.enabled)
        plugin.remember(ours.collectEntries { [it, former[it]] })
    }

    /**
     * Removes from disk what an unconfirmed trial wrote: settings were saved meanwhile, or the confirmation failed
     * half-way. Memory stays as it is.
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
