/**
 * 2FA off until a time. It only suspends the plugins: their settings stay "on" in memory and on disk, so every
 * failure ends it early.
 */
class BreakGlass {
    static final String FILE = 'break-glass.json'
    static final int MOST_REASONS = 50

    /**
     * Opens until the earlier of `until` and the first use of this reason plus the longest allowed time. A reason is
     * valid for one break-glass: it does not start again once that time is over. Returns the time, or null when the
     * reason is spent. `times`: computes the times to keep from that time.
     */
    static Long open(long until, String reason, long longest, Code code, Closure times) {
        synchronized (Shared.chain) {
            def now = System.currentTimeMillis(), used = Store.read(State.FILE)?.breakGlass?.used ?: [:]
            def first = used[reason] ?: now
            def end = Math.min(until, (long) first + longest)
            if (end <= now) return null
            if (code != null) code.keep() // before the first change: a restart needs the code that ends it
            def kept = (used + [(reason): first]).sort { -it.value }.take(MOST_REASONS), former = current()
            // first: a reason recorded as spent, but never used, would be refused for ever
            Store.write(FILE, [until: end, reason: reason])
            try {
                State.update { it.breakGlass = [reason: reason, firstSeen: first, used: kept, times: times(end)] }
            } catch (Throwable problem) {
                former ? Store.write(FILE, former) : Store.delete(FILE)
                throw problem
            }
            arm(end)
            Shared.log("break-glass: 2FA is off until ${new Date(end)}")
            end
        }
    }

    /**
     * Whether it is open in this run of Jenkins, with its timer. A file left by a restart without our start-up file
     * opens nothing: 2FA is on again.
     */
    static boolean isOpen() { Shared.state.breakGlassTimer != null }

    /** The disk may refuse this now: 2FA is on again nevertheless, and the file is deleted as soon as possible. */
    static void forgetLeftNote() {
        synchronized (Shared.chain) {
            if (isOpen() || !Store.file(FILE).exists()) return
            try { Store.delete(FILE) } catch (IOException problem) {
                Shared.log('break-glass: its file could not be deleted, trying again', problem)
                Timer.get().schedule({ -> forgetLeftNote() } as Runnable, Trial.RETRY_SECONDS, TimeUnit.SECONDS)
            }
        }
    }

    static void arm(long until) {
        Shared.state.remove('breakGlassTimer')?.cancel(false)
        Plugin.running*.suspend()
        def task = { -> close(until) } as Runnable
        Shared.state.breakGlassUntil = until
        def wait = Math.max(0, until - System.currentTimeMillis())
        Shared.state.breakGlassTimer = Timer.get().schedule(task, wait, TimeUnit.MILLISECONDS)
    }

    /** The file of the open break-glass, or null. An unreadable file counts as ended: enforcing is the safe side. */
    static Map current() { try { Store.read(FILE) } catch (NoteDamaged damaged) { [:] } }

    /**
     * With a time: only if it is still in force (an extension leaves an old timer behind for a moment). The time is
     * kept in memory, so that deleting or damaging the file does not prolong it.
     */
    static boolean close(Long until = null) {
        synchronized (Shared.chain) {
            if (until == null ? !isOpen() && current() == null : until != Shared.state.breakGlassUntil) return false
            Plugin.running*.resume()
            Shared.state.remove('breakGlassTimer')?.cancel(false)
            Shared.state.remove('breakGlassUntil')
            forgetLeftNote()
            Shared.log('break-glass: over, 2FA is on again')
            true
        }
    }

    /**
     * Without a break-glass a live flag follows memory. This also covers configuration-as-code, whose change would
     * otherwise take effect only one restart later.
     */
    static void atStartup() {
        def open = current()
        if (open && open.until > System.currentTimeMillis()) arm(open.until)
        else { Plugin.running*.resume(); forgetLeftNote() }
    }
}
