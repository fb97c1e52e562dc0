/**
 * Puts the gate back when somebody has taken it out of a running Jenkins, or behind the plugin's filter, while
 * people are asked: the operator is asked like them then, and nobody outside could do it. Like any drift three
 * times within an hour; then a person has to look. Who wants the gate gone says so: `jenkins2fa gate remove`.
 */
class Watch {
    static final int SECONDS = 1, MOST = 3

    private final AtomicBoolean failed = new AtomicBoolean()
    private final timer =
        Timer.get().scheduleWithFixedDelay({ -> look() } as Runnable, SECONDS, SECONDS, TimeUnit.SECONDS)

    void end() { timer.cancel(false) }

    /** A look that fails must not be the last one. */
    void look() {
        try {
            if (isAway()) synchronized (Shared.chain) { if (isAway()) putBack() }
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) {
                Shared.log('whether the gate is in its place cannot be told', problem)
            }
        }
    }

    private boolean isAway() {
        def state = Shared.context.getAttribute(Shared.KEY), list = Shared.chain.list as List
        if (!this.is(state?.watch)) return false
        def at = list.findIndexOf { it.is(state.gate) }
        if (at == 0) return false
        def theirs = list.findIndexOf { Filters.isPlugins(it) }
        (at < 0 ? theirs >= 0 || Hold.current != null : theirs in 0..<at) && Hold.demanded
    }

    private void putBack() {
        def state = Shared.state, now = System.currentTimeMillis(), before = state.putBack ?: [count: 0, times: []]
        def times = before.times.findAll { it > now - State.HOUR }
        if (times.size() >= MOST) return
        new Gate(state).enter()
        state.putBack = [count: before.count + 1, times: times + now]
        def last = "; not again within the hour that began at ${new Date((long) (times ? times[0] : now))}"
        def more = times.size() + 1 < MOST ? '' : last
        Shared.log("the gate was not before the plugin's filter any more, and is back$more".toString())
        if (Store.file(State.FILE).file) State.update { State.count(it, ['gate']) }
    }
}
