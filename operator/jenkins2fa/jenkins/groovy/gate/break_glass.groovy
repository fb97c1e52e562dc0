/**
 * 2FA off until a time. Only the live flag is touched: disk and memory keep saying "on", so every failure ends it
 * early.
 */
class BreakGlass {
    static final String FILE = 'break-glass.json'
    static final int MOST_REASONS = 50

    /**
     * Until the earlier of `until` and the time that this reason was first seen plus the longest allowed. One
     * reason is good for one break-glass: once that time is over it does not start anew. Returns the time, or null
     * when the reason is spent. `times`: those to be kept, given that time.
     */
    static Long open(long until, String reason, long longest, Code code, Closure times) {
        synchronized (Shared.chain) {
            def now = System.currentTimeMillis(), used = Store.read(State.FILE)?.breakGlass?.used ?: [:]
            def first = used[reason] ?: now
            def end = Math.min(until, (long) first + longest)
            if (end <= now) return null
            if (code != null) code.keep() // before the first change: a restart has to find the code that ends it
            def kept = (used + [(reason): first]).sort { -it.value }.take(MOST_REASONS), former = current()
            // first: a reason that is spent, and was never good for anything, would be refused for ever
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
     * In this run of Jenkins, with its timer. A note that a restart has left without our start-up file opens
     * nothing: 2FA is on again.
     */
    static boolean isOpen() { Shared.state.breakGlassTimer != null }

    /** The disk may not allow it now: 2FA is on again all the same, and the note goes as soon as it can. */
    static void forgetLeftNote() {
        synchronized (Shared.chain) {
            if (isOpen() || !Store.file(FILE).exists()) return
            try { Store.delete(FILE) } catch (IOException problem) {
                Shared.log('break-glass: its note cannot be cleared away, trying again', problem)
                Timer.get().schedule({ -> forgetLeftNote() } as Runnable, Trial.RETRY_SECONDS, TimeUnit.SECONDS)
            }
        }
    }

    static void arm(long until) {
        Shared.state.remove('breakGlassTimer')?.cancel(false)
        Plugin.current.setLive(false)
        def task = { -> close(until) } as Runnable
        Shared.state.breakGlassUntil = until
        def wait = Math.max(0, until - System.currentTimeMillis())
        Shared.state.breakGlassTimer = Timer.get().schedule(task, wait, TimeUnit.MILLISECONDS)
    }

    /** The note of the one that is open, or null. A note that cannot be read is over: on is the safe side. */
    static Map current() { try { Store.read(FILE) } catch (NoteDamaged damaged) { [:] } }

    /**
     * With a time: only if that is still the one in force (an extension leaves an old timer behind for a moment).
     * That is kept in memory, since whoever deletes or damages the note does not make it last.
     */
    static boolean close(Long until = null) {
        synchronized (Shared.chain) {
            if (until == null ? !isOpen() && current() == null : until != Shared.state.breakGlassUntil) return false
            Plugin.current.setLive(Plugin.current.enabled)
            Shared.state.remove('breakGlassTimer')?.cancel(false)
            Shared.state.remove('breakGlassUntil')
            forgetLeftNote()
            Shared.log('break-glass: over, 2FA is on again')
            true
        }
    }

    /**
     * Without a break-glass the live flag follows memory, which also ends the one restart that
     * configuration-as-code lags behind.
     */
    static void atStartup() {
        def open = current()
        if (open && open.until > System.currentTimeMillis()) arm(open.until)
        else { Plugin.current.setLive(Plugin.current.enabled); forgetLeftNote() }
    }
}
