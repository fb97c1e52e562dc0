/**
 * What must outlive Kubernetes: who manages this Jenkins, what it was like before, what to do at the end, that 2FA
 * holds, which drift was corrected, which break-glass was used.
 */
class State {
    static final String FILE = 'state.json'
    static final long HOUR = 3600_000L

    static void claim(Map owner, takeOver) {
        def mine = Store.read(FILE)?.owner
        if (mine == null || owner == null || mine.cluster == 'command-line') return
        if (mine.instance == owner.instance && mine.cluster == owner.cluster) return
        if (takeOver != "${mine.cluster}/${mine.instance}") {
            throw new OwnedElsewhere("${mine.cluster}/${mine.instance}")
        }
    }

    static void confirmed(Map journal) {
        if (journal.wrote.owner == null && journal.wrote.hold == null) return
        update { state ->
            if (state.trial == journal.id) return // Jenkins crashed between this write and the end of the trial
            state.trial = journal.id
            if (journal.wrote.hold) state.hold = journal.wrote.hold
            else if (journal.wrote.hold != null) state.remove('hold')
            if (journal.wrote.owner == null) return
            if (state.restorePoint == null && !foundOurs(journal)) state.restorePoint = restorePoint(journal)
            state.plugins = ((state.plugins ?: []) + Trial.parts(journal)*.plugin).unique()
            // another desired state: another count
            if (state.owner?.desired != journal.wrote.owner.desired) state.remove('corrections')
            state.owner = journal.wrote.owner
            state.deletionPolicy = journal.wrote.deletionPolicy
            if (journal.wrote.gate != null) state.operator = journal.wrote.gate.operator
            count(state, journal.wrote.corrects ?: [])
        }
    }

    /** Records that drift of these paths is corrected now; entries older than an hour are dropped. */
    static void count(Map state, Collection paths) {
        def now = System.currentTimeMillis()
        def recent = { path, times -> [path, times.findAll { it > now - HOUR }] }
        def corrections = (state.corrections ?: [:]).collectEntries(recent).findAll { it.value }
        paths.each { corrections[it] = (corrections[it] ?: []) + now }
        state.corrections = corrections
    }

    private static Map restorePoint(Map journal) {
        journal.before + [plugin: journal.plugin, others: journal.others.collectEntries { [it.plugin, it.before] }]
    }

    /** Switches off every plugin that was ever written to, or all but one. */
    static void switchOff(Plugin except = null) {
        def names = Store.read(FILE)?.plugins ?: []
        def ours = Plugin.running.findAll { it.name in names || it.is(Plugin.current) }
        ours.findAll { !it.is(except) && it.layersOn }.each { Settings.switchOff(it) }
    }

    /**
     * Settings as they were before us, but never two plugins that challenge users, which redirect browsers in circles:
     * beside one that is on, the others are off, and so is one that was added since.
     */
    static void restore() {
        def point = Store.read(FILE)?.restorePoint
        if (point == null) return
        def plugin = Plugin.named(point.plugin)
        if (!plugin.present) {
            throw new NothingToRestore("the former settings are those of the plugin $plugin.name, which is gone")
        }
        Settings.restore(plugin, point)
        switchOff(plugin)
        if (plugin.enabled) return
        Plugin.running.findAll { point.others?.containsKey(it.name) }.each { other ->
            Settings.restore(other, point.others[other.name])
            def off = other.effective ? plugin : other
            if (off.layersOn) Settings.switchOff(off)
        }
    }

    /**
     * Whether our gate ran before this trial already: then state.json was lost, and the present settings are ours, not
     * the former ones.
     */
    static boolean foundOurs(Map journal) { journal.wrote.gate != null && journal.before.gate != null }

    /** Without a restore point only the gate would be removed, which with 2FA on locks out those whom it exempts. */
    static void insistOnRestorePoint() {
        def state = Store.read(FILE)
        if (state?.restorePoint != null || (state?.owner == null && Shared.state.config == null)) return
        throw new NothingToRestore(
            'what this Jenkins was like before us is not known (state.json was lost, or never had it)')
    }

    /**
     * The operator's account as confirmed last. It is kept here too, so that the operator can repair a damaged
     * gate.json.
     */
    static String getOperator() { try { Store.read(FILE)?.operator } catch (NoteDamaged damaged) { null } }

    static Map getOwner() { (Map) Store.read(FILE)?.owner }

    static void update(Closure change) {
        def state = Store.read(FILE) ?: [:]
        change(state)
        Store.write(FILE, state)
    }
}
