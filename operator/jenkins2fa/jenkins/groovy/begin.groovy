/*
 * Begins a trial. Input: id; seconds; plugin (name) or absent; settings; alone (true: other plugins are switched off)
 * or absent; gate (configuration) or absent; hold (map, or false for none) or absent; owner, deletionPolicy, takeOver,
 * corrects (paths whose drift this change corrects). Answers with memory, live flag and the gate's configuration as
 * they are now; disk has not changed.
 */
def shared = code.shared
synchronized (shared.chain) {
    def wanted = input.subMap(['plugin', 'settings', 'alone', 'gate', 'hold', 'owner', 'deletionPolicy', 'takeOver',
                               'corrects'])
    code.trial.begin(input.id, input.seconds as long, wanted.findAll { it.value != null }, code.source)
    def plugin = code.plugin.current
    return [ok: true, until: code.trial.open.until, memory: plugin.memory(), live: plugin.live,
            gate: shared.state.config?.raw]
}
