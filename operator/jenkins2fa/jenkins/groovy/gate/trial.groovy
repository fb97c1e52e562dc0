/**
 * A change that undoes itself unless it is confirmed. Disk changes only at the confirmation, so a restart alone
 * restores the former settings.
 */
class Trial {
    static final String FILE = 'trial.json'
    static final int RETRY_SECONDS = 2

    /**
     * The open trial of this run of Jenkins. Kept in memory too, so that deleting or damaging the file does not make
     * an unconfirmed change permanent.
     */
    static Map getOpen() {
        if (Shared.state.trial != null) return Shared.state.trial
        def kept = Store.read(FILE)
        kept?.session == Jenkins.SESSION_HASH && kept.id != Shared.state.lastTrial?.id ? kept : null
    }

    /**
     * The journal is on disk before the first change. wanted: plugin (the name of the one that counts; absent: the one
     * that is found); settings (its own, as in `Plugin.memory`; what is absent stays); alone (true: other plugins are
     * switched off); gate (its configuration), or absent to leave the gate as it is; hold (what Hold keeps, false for
     * nothing), or absent to leave it; owner, deletionPolicy: what the confirmation writes into state.json.
     */
    static void begin(String id, long seconds, Map wanted, Code code) {
        synchronized (Shared.chain) {
            if (Jenkins.get().quietingDown) throw new QuietingDown('Jenkins is about to shut down')
            recover()
            // its timer is late, or was lost
            if (open != null && open.until <= System.currentTimeMillis()) end(open.id, 'expired')
            if (open != null) throw new TrialPending("trial ${open.id} is still pending")
            def left = Shared.state.untidy
            if (left != null && !tidyUp(left.journal.id)) {
                throw new NotPersisted("what trial ${left.journal.id} left on disk cannot be deleted")
            }
            State.claim(wanted.owner, wanted.takeOver)
            // who manages this Jenkins is no second person where approvals are required
            if (wanted.owner != null) wanted = wanted + [owner: wanted.owner + [account: User.current()?.id]]
            BreakGlass.forgetLeftNote()
            def former = Plugin.current, held = Hold.current
            def plugin = Plugin.named(wanted.gate == null ? wanted.plugin : wanted.gate.plugin ?: wanted.plugin)
            wanted = wanted + [settings: plugin.completed(wanted.settings)]
            try {
                // while the plugin changes, nobody passes whom neither of the two would let pass
                if (!plugin.is(former) && Hold.demanded) Hold.set([factors: held?.factors ?: []])
                Plugin.choose(plugin.name)
                // the start-up file only ever holds code whose rehearsal succeeded
                if (wanted.gate != null) Gate.rehearsed(wanted.gate)
                def until = System.currentTimeMillis() + seconds * 1000
                def journal = [id: id, until: until, session: Jenkins.SESSION_HASH, phase: 'open', plugin: plugin.name,
                               before: standing(plugin, former, held),
                               wrote: wanted, others: wanted.alone ? othersOf(plugin) : []]
                Store.write(FILE, journal)
                Shared.state.trial = journal
            } catch (Throwable problem) {
                Plugin.choose(former.name)
                Hold.set(held)
                throw problem
            }
            try { change(open, seconds, code) } catch (Throwable problem) {
                end(id, 'failed')
                Hold.set(held)
                throw problem
            }
            Shared.log("trial $id: begun, undone in $seconds s unless confirmed")
        }
    }

    /** The new plugin challenges before the old one stops. */
    private static void change(Map journal, long seconds, Code code) {
        def wanted = journal.wrote, plugin = Plugin.named(journal.plugin)
        schedule(journal.id, seconds)
        if (wanted.gate != null) {
            code.keep()
            Gate.install(wanted.gate, code.digest)
        }
        parts(journal).take(1).each { Settings.write(it) }
        Hold.set(wanted.hold == null ? journal.before.hold : wanted.hold)
        parts(journal).drop(1).each { Settings.write(it) }
        // what the plugin has kept from before users were challenged
        if (!journal.before.live && plugin.effective) plugin.forget(null)
    }

    /** What an undo restores. */
    private static Map standing(Plugin plugin, Plugin former, Map hold) {
        Settings.standing(plugin) + [plugin: former.name, gate: Shared.state.config?.raw, hold: hold,
                                     storedGate: storedGate, startup: Store.startup.file]
    }

    /** The parts of the plugins that are switched off. */
    private static List othersOf(Plugin plugin) {
        Plugin.running.findAll { !it.is(plugin) && it.layersOn }.collect {
            [plugin: it.name, wrote: it.off, before: Settings.standing(it)]
        }
    }

    /** What a trial writes into each plugin, the one that counts first. */
    static List<Map> parts(Map journal) {
        [[plugin: journal.plugin, wrote: journal.wrote.settings, before: journal.before]] + (journal.others ?: [])
    }

    static Map getStoredGate() { try { Store.read(Gate.FILE) } catch (NoteDamaged damaged) { null } }

    static void schedule(String id, long seconds) {
        def task = { -> end(id, 'expired') } as Runnable
        Shared.state.trialTimer = Timer.get().schedule(task, seconds, TimeUnit.SECONDS)
    }

    /**
     * Compare-and-set on the id: 'Confirmed' (also when it was confirmed before), 'Expired' (over, and undone),
     * 'Overtaken' (its values were changed, so what was probed is not what would be saved; undone) or
     * 'Unknown'.
     */
    static String confirm(String id) {
        synchronized (Shared.chain) {
            if (Shared.state.trial == null) recover()
            def journal = open, last = Shared.state.lastTrial
            if (journal?.id != id) {
                if (last?.id != id) return 'Unknown'
                return last.outcome == 'confirmed' ? 'Confirmed' : 'Expired'
            }
            if (journal.until <= System.currentTimeMillis()) { end(id, 'expired'); return 'Expired' }
            if (!stands(journal)) { end(id, 'overtaken'); return 'Overtaken' }
            try {
                // after a crash from here on, the next start completes the trial
                Store.write(FILE, journal + [phase: 'confirmed'])
                keep(journal)
            } catch (Throwable problem) {
                end(id, 'failed')
                throw problem
            }
            close(journal, 'confirmed')
            'Confirmed'
        }
    }

    static boolean stands(Map journal) {
        def wrote = journal.wrote
        if (wrote.gate != null && Shared.state.config?.raw != wrote.gate) return false
        if (wrote.hold != null && !Hold.isAs(wrote.hold)) return false
        parts(journal).every { Settings.stand(it) }
    }

    /** Everything that a confirmed trial leaves on disk. */
    static void keep(Map journal) {
        parts(journal).each { Settings.save(Plugin.named(it.plugin)) }
        if (journal.wrote.gate != null) Store.write(Gate.FILE, journal.wrote.gate)
        State.confirmed(journal)
    }

    /**
     * Undoes a pending trial. Returns whether it was pending. A failed undo is retried, and the journal
     * stays for the next start.
     */
    static boolean end(String id, String outcome) {
        synchronized (Shared.chain) {
            if (Shared.state.trial == null) recover()
            def journal = open
            if (journal?.id != id) return false
            Throwable first = null
            // the old plugin challenges, and the gate knows it, before the hold is what it was
            def settings = parts(journal).reverse().collect { part -> { -> Settings.undo(part) } }
            for (step in settings + [{ undoGate(journal) }, { undoHold(journal) }]) {
                // a failed step does not stop the others
                try { step() } catch (Throwable problem) { first = first ?: problem }
            }
            if (first != null) {
                Shared.log("trial $id could not be undone, trying again", first)
                schedule(id, RETRY_SECONDS)
                throw first
            }
            close(journal, outcome)
            true
        }
    }

    static void undoHold(Map journal) {
        def hold = journal.wrote.hold
        if (hold != null && Hold.isAs(hold)) Hold.set(journal.before.hold)
    }

    static void undoGate(Map journal) {
        def before = journal.before, gate = journal.wrote.gate
        if (gate != null && Shared.state.config?.raw == gate) {
            before.gate == null ? Gate.remove() : Gate.reconfigure(before.gate)
        }
        if (Shared.state.config?.raw == before.gate) Plugin.choose(before.plugin)
    }

    /**
     * Restores the disk: undoes settings that were saved meanwhile and the remains of a failed confirmation, and
     * deletes a start-up file that is not needed.
     */
    static void undoFiles(Map journal) {
        def before = journal.before, gate = journal.wrote.gate
        parts(journal).each { Settings.purge(it) }
        if (gate == null || !before.containsKey('storedGate')) return
        if (before.storedGate != gate && storedGate == gate) {
            before.storedGate == null ? Store.delete(Gate.FILE) : Store.write(Gate.FILE, before.storedGate)
        }
        if (!before.startup && !Store.file(Gate.FILE).file && !Store.file(BreakGlass.FILE).file) {
            java.nio.file.Files.deleteIfExists(Store.startup.toPath())
        }
    }

    static void close(Map journal, String outcome) {
        def state = Shared.state
        state.remove('trial')
        state.remove('trialTimer')?.cancel(false)
        state.lastTrial = [id: journal.id, outcome: outcome, at: System.currentTimeMillis()]
        state.untidy = [journal: journal, undone: outcome != 'confirmed']
        Shared.log("trial $journal.id: $outcome")
        tidyUp(journal.id)
    }

    /**
     * Ends the trial: deletes its remains on disk and its journal, later if the disk refuses now. Returns whether all
     * is done.
     */
    static boolean tidyUp(String id) {
        synchronized (Shared.chain) {
            def left = Shared.state.untidy
            if (left?.journal?.id != id) return true
            try {
                if (left.undone) undoFiles(left.journal)
                Store.delete(FILE)
                Store.tidy()
                Shared.state.remove('untidy')
                return true
            } catch (IOException | NotPersisted | NoteDamaged problem) {
                Shared.log("trial $id: what it left on disk could not be deleted, trying again", problem)
                def task = { -> tidyUp(id) } as Runnable
                Timer.get().schedule(task, RETRY_SECONDS, TimeUnit.SECONDS)
                return false
            }
        }
    }

    /**
     * The stored configuration of the gate, except that of an undone trial whose remains could not be deleted yet.
     */
    static Map withoutRemains(Map stored) {
        def left = Shared.state.untidy
        left?.undone && left.journal.wrote.gate == stored ? left.journal.before.storedGate : stored
    }

    /**
     * Handles a journal of a former run of Jenkins: a confirmed trial is completed, or undone where the disk refuses;
     * any other has been undone by the restart.
     */
    static void recover() {
        synchronized (Shared.chain) {
            def journal = Store.read(FILE)
            if (journal == null || journal.session == Jenkins.SESSION_HASH) return
            if (journal.phase == 'confirmed') {
                def parts = parts(journal)
                def found = parts.collect { Plugin.named(it.plugin).memory().subMap(it.wrote.keySet()) }
                try {
                    parts.each { Plugin.named(it.plugin).remember(it.wrote) }
                    keep(journal)
                } catch (Throwable problem) {
                    // half of it, settings without their gate, was never probed: it is undone
                    Shared.log("trial ${journal.id}: was confirmed, but could not be completed", problem)
                    parts.eachWithIndex { part, at ->
                        Plugin.named(part.plugin).remember(found[at])
                        Settings.forget(part)
                        if (!BreakGlass.open) Plugin.named(part.plugin).resume()
                    }
                    close(journal, 'failed')
                    return
                }
                parts.each { Settings.writeLive(it) }
                if (journal.wrote.hold != null) Hold.set(journal.wrote.hold)
                close(journal, 'confirmed')
                return
            }
            parts(journal).findAll { Settings.isStored(Plugin.named(it.plugin)) }.each { Settings.forget(it) }
            close(journal, 'restarted')
        }
    }
}
