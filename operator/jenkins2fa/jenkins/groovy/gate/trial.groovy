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
     * The journal is on disk before the first change. wanted: settings (the plugin's, as in `Plugin.memory`; what is
     * absent stays), gate (its configuration), or absent to leave the gate as it is; hold (what Hold
     * keeps, false for nothing), or absent to leave it; owner, deletionPolicy: what the confirmation writes into
     * state.json.
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
            wanted = wanted + [settings: Plugin.current.completed(wanted.settings)]
            // the start-up file only ever holds code whose rehearsal succeeded
            if (wanted.gate != null) Plugin.choose(wanted.gate.plugin)
            if (wanted.gate != null) Gate.rehearsed(wanted.gate)
            def journal = [id: id, until: System.currentTimeMillis() + seconds * 1000, session: Jenkins.SESSION_HASH,
                           phase: 'open', before: standing(), wrote: wanted]
            Store.write(FILE, journal)
            Shared.state.trial = journal
            try {
                schedule(id, seconds)
                if (wanted.gate != null) {
                    code.keep()
                    Gate.install(wanted.gate, code.digest)
                }
                Plugin.current.remember(wanted.settings)
                if (wanted.settings.containsKey('enabled') && !BreakGlass.open) {
                    Plugin.current.setLive(wanted.settings.enabled)
                }
                if (wanted.hold != null) Hold.set(wanted.hold)
                // what the plugin has kept from before users were challenged
                if (!journal.before.live && Plugin.current.effective) Plugin.current.forget(null)
            } catch (Throwable problem) {
                end(id, 'failed')
                throw problem
            }
            Shared.log("trial $id: begun, undone in $seconds s unless confirmed")
        }
    }

    /** What an undo restores. During a break-glass the live flag counts as what it will be afterwards. */
    static Map standing() {
        def plugin = Plugin.current
        [live: BreakGlass.open ? plugin.enabled : plugin.live, memory: plugin.memory(), disk: plugin.disk(),
         digest: Settings.digest(), gate: Shared.state.config?.raw, hold: Hold.current, storedGate: storedGate,
         startup: Store.startup.file]
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
        if (!Settings.holds(wrote.settings)) return false
        !wrote.settings.containsKey('enabled') || BreakGlass.open || Plugin.current.isLive(wrote.settings.enabled)
    }

    /** Everything that a confirmed trial leaves on disk. */
    static void keep(Map journal) {
        Settings.save()
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
            def settings = { Settings.undo(journal.wrote.settings, journal.before) }
            for (step in [settings, { undoHold(journal) }, { undoGate(journal) }]) {
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
        if (gate == null) return
        if (Shared.state.config?.raw == gate) before.gate == null ? Gate.remove() : Gate.reconfigure(before.gate)
    }

    /**
     * Restores the disk: undoes settings that were saved meanwhile and the remains of a failed confirmation, and
     * deletes a start-up file that is not needed.
     */
    static void undoFiles(Map journal) {
        def before = journal.before, gate = journal.wrote.gate
        Settings.purge(journal.wrote.settings, before)
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
                def found = Plugin.current.memory().subMap(journal.wrote.settings.keySet())
                try {
                    Plugin.current.remember(journal.wrote.settings)
                    keep(journal)
                } catch (Throwable problem) {
                    // half of it, settings without their gate, was never probed: it is undone
                    Shared.log("trial ${journal.id}: was confirmed, but could not be completed", problem)
                    Plugin.current.remember(found)
                    Settings.forget(journal.wrote.settings, journal.before)
                    if (!BreakGlass.open) Plugin.current.resume()
                    close(journal, 'failed')
                    return
                }
                if (journal.wrote.settings.containsKey('enabled') && !BreakGlass.open) {
                    Plugin.current.setLive(journal.wrote.settings.enabled)
                }
                if (journal.wrote.hold != null) Hold.set(journal.wrote.hold)
                close(journal, 'confirmed')
                return
            }
            if (Settings.stored) Settings.forget(journal.wrote.settings, journal.before)
            close(journal, 'restarted')
        }
    }
}
