/**
 * Restores the gate when it was removed from a running Jenkins, or moved behind the plugin's filter, while 2FA is
 * demanded: the operator is then challenged too, so it cannot do this from outside. As with any drift, at most three
 * times within an hour; after that it needs attention. To remove the gate for good: `jenkins2fa gate remove`.
 */
class Watch {
    static final int SECONDS = 1, MOST = 3

    private final AtomicBoolean failed = new AtomicBoolean()
    private final timer =
        Timer.get().scheduleWithFixedDelay({ -> look() } as Runnable, SECONDS, SECONDS, TimeUnit.SECONDS)

    void end() { timer.cancel(false) }

    /** Catches every failure, because the timer would stop after an uncaught one. */
    void look() {
        try {
            if (isAway()) synchronized (Shared.chain) { if (isAway()) putBack() }
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) {
                Shared.log('the gate could not check its place in the filter chain, trying again', problem)
            }
        }
    }

    private boolean isAway() {
        def state = Shared.context.getAttribute(Shared.KEY), list = Shared.chain.list as List
        if (!this.is(state?.watch)) return false
        def at = list.findIndexOf { it.is(state.gate) }
        if (at == 0) return false
        def theirs = list.findIndexOf { Filters.isTwoFactor(it) }
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
        Shared.log("the gate was no longer before the plugin's filter, and was put back$more".toString())
        if (Store.file(State.FILE).file) State.update { State.count(it, ['gate']) }
    }
}
