/**
 * Writes a plugin's settings, and undoes what a trial wrote. `part`: one plugin's part of a trial: plugin (its name),
 * wrote (settings), before (live, memory, disk, digest: what `standing` returned before).
 */
class Settings {
    /** What an undo restores. During a break-glass the live flag counts as what it will be afterwards. */
    static Map standing(Plugin plugin) {
        [live: BreakGlass.open ? plugin.enabled : plugin.live, memory: plugin.memory(), disk: plugin.disk(),
         digest: digest(plugin)]
    }

    static void write(Map part) {
        Plugin.named(part.plugin).remember(part.wrote)
        writeLive(part)
    }

    static void writeLive(Map part) {
        if (hasLive(part)) Plugin.named(part.plugin).setLive(part.wrote.enabled)
    }

    private static boolean hasLive(Map part) { part.wrote.containsKey('enabled') && !BreakGlass.open }

    /** Whether memory and live flag still are as the trial set them. */
    static boolean stand(Map part) {
        holds(part) && (!hasLive(part) || Plugin.named(part.plugin).isLive(part.wrote.enabled))
    }

    private static boolean holds(Map part) {
        def plugin = Plugin.named(part.plugin), now = plugin.memory()
        part.wrote.every { key, value -> plugin.same(now[key], value) }
    }

    /** Whether the file equals memory; settings that the file does not hold under their own name are not compared. */
    static boolean isStored(Plugin plugin) {
        def kept = plugin.disk()
        kept != null && kept == plugin.memory().subMap(kept.keySet())
    }

    static String digest(Plugin plugin) {
        def file = plugin.file
        file.file ? Observation.sha256(file.getText('UTF-8')) : null
    }

    /** Writes to disk. Jenkins only logs a failed save, so the file is read again. */
    static void save(Plugin plugin) {
        plugin.save()
        if (!isStored(plugin)) throw new NotPersisted('the plugin\'s settings could not be written to disk')
    }

    /**
     * Before the other layers, since this one locks people out. During a break-glass it is on only if the plugin's
     * form was saved since, and stays on if it was on before.
     */
    private static void takeBackLive(Plugin plugin, Map wrote, former) {
        def isOurs = wrote.containsKey('enabled') && plugin.live == wrote.enabled
        if (isOurs && !(BreakGlass.open && former)) plugin.setLive(former)
    }

    /** Restores each key that still holds the trial's value; a value that was changed since then stays. */
    static void undo(Map part) {
        def plugin = Plugin.named(part.plugin), wrote = part.wrote
        takeBackLive(plugin, wrote, part.before.live)
        def now = plugin.memory(), ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        plugin.remember(ours.collectEntries { [it, part.before.memory[it]] })
    }

    /**
     * After a restart, memory comes from disk, and so does the live flag where nothing of ours ran at the start. This
     * removes from them what an unconfirmed trial wrote to disk.
     */
    static void forget(Map part) {
        def plugin = Plugin.named(part.plugin), wrote = part.wrote, before = part.before
        if (digest(plugin) == before.digest) return
        def former = before.disk ?: before.memory, now = plugin.memory()
        def ours = wrote.keySet().findAll { plugin.same(now[it], wrote[it]) }
        takeBackLive(plugin, wrote.subMap(ours), former.enabled)
        plugin.remember(ours.collectEntries { [it, former[it]] })
    }

    /**
     * Removes from disk what an unconfirmed trial wrote: settings were saved meanwhile, or the confirmation failed
     * half-way. Memory stays as it is.
     */
    static void purge(Map part) {
        def plugin = Plugin.named(part.plugin), wrote = part.wrote, before = part.before
        if (digest(plugin) == before.digest) return
        def stored = plugin.disk(), now = plugin.memory(), former = before.disk ?: before.memory
        def ours = stored == null ? [:]
            : wrote.findAll { key, value -> plugin.same(stored[key], value) && !plugin.same(former[key], value) }
        if (!ours) return
        plugin.remember(stored + ours.collectEntries { key, value -> [key, former[key]] })
        try { save(plugin) } finally { plugin.remember(now) }
    }

    // --- at a release ---

    static void switchOff(Plugin plugin) {
        plugin.remember(plugin.off)
        save(plugin)
        plugin.setLive(false)
    }

    /** before: as `standing` returned it. */
    static void restore(Plugin plugin, Map before) {
        plugin.remember(before.disk ?: before.memory)
        if (before.disk == null) java.nio.file.Files.deleteIfExists(plugin.file.toPath())
        else save(plugin)
        plugin.setLive(before.live)
    }
}
