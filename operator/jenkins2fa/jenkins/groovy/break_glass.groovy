/*
 * 2FA off until a time. Input: until (epoch milliseconds), reason, longest (milliseconds), keep (whether our
 * start-up file may be written); or until = null to end it now. Answers with until (null: this reason is spent) or
 * closed. Beginning and end of each stay in state.json for a day (two less than a minute apart count as one),
 * since their sum is bounded.
 */
def now = System.currentTimeMillis(), day = 24 * 3600_000L, minute = 60_000L
def spans = { ->
    def kept = code.store.read('state.json')?.breakGlass?.times ?: []
    kept.findAll { it[1] > now - day }.collect { begun, ended -> [begun, Math.min((long) ended, now)] }
}
def note = { list -> code.state.update { if (it.breakGlass != null) it.breakGlass.times = list } }
synchronized (code.shared.chain) {
    if (input.until == null) {
        def closed = code.breakGlass.close()
        try { if (closed) note(spans()) } catch (IOException | RuntimeException problem) {
            code.shared.log('break-glass: its end could not be recorded', problem)
        }
        return [ok: true, closed: closed]
    }
    def before = spans(), joins = before && before.last()[1] > now - minute
    def times = { until -> (joins ? before.init() : before) + [[joins ? before.last()[0] : now, until]] }
    def source = input.keep ? code.source : null
    def until = code.breakGlass.open(input.until as long, input.reason, input.longest as long, source, times)
    return [ok: true, until: until]
}
