/**
 * The filter before the plugin's filter. It marks the sessions of exempt users as verified with an object of its own, shared by all of them: the plugin
 * reads the mark by its text, so that setting the object to false voids every mark at once. A session mark, because Jenkins' crumb check (which comes
 * earlier) protects only sessions that it sees as verified. The operator and exempt API tokens get a mark for their request only: the same session may
 * also serve requests without the token.
 *
 * Configuration: operator (user id), enforcedGroups (null = everyone), exemptGroups, exemptTokens, build {windowSeconds, once, words} or null.
 */
class Gate {
    static final String FILE = 'gate.json'
    static final String VERIFIED = '_SESSION_2FA_VERIFICATION'
    static final String SINCE = 'jenkins2fa.verifiedAt.'
    static final String BY_TOKEN = 'jenkins.security.BasicHeaderApiTokenAuthenticator'
    static final String PROBE = 'X-Jenkins2fa-Probe'

    final Map state
    final AtomicBoolean pass
    final tokenPass, marks

    Gate(Map state) { this.state = state; pass = state.pass; tokenPass = state.tokenPass; marks = state.marks }

    /** Idempotent. The new gate is in before the old one is out, so no request ever sees none. */
    static void install(Map config, String code) {
        synchronized (Shared.chain) {
            def state = Shared.state, list = Shared.chain.list
            def present = list.findAll { Filters.isGate(it) }
            def settled = present.size() == 1 && present[0].is(state.gate) && state.code == code && list.indexOf(present[0]) == 0
            def gate = settled ? null : rehearsed(config)
            reconfigure(config)
            if (settled) return
            gate.enter()
            state.code = code
            state.remove('watch')?.end()
            state.watch = new Watch()
        }
    }

    /** Into the chain, and only then out of it with whatever else calls itself our gate. */
    void enter() {
        def list = Shared.chain.list, present = list.findAll { Filters.isGate(it) }, filter = asFilter()
        list.add(0, filter)
        list.removeAll(present)
        state.gate = filter
    }

    /** New rules for the gate that stands: swapped in one step. */
    static void reconfigure(Map config) { Shared.state.config = compile(config) }

    static void remove() {
        synchronized (Shared.chain) {
            def list = Shared.chain.list
            Shared.state.remove('watch')?.end()
            list.removeAll(list.findAll { Filters.isGate(it) })
            Shared.state.remove('pass')?.set(false)
            Shared.state.remove('marks')?.takeAll()
            ['tokenPass', 'config', 'code', 'gate', 'gateErrors', 'gateError', 'seenGroups', 'putBack'].each { Shared.state.remove(it) }
        }
    }

    static void atStartup(Code code) {
        def provided = Code.embedded(), confirmed = State.operator
        if (provided == null && !Store.file(FILE).file && confirmed == null) return
        def config = [:]
        try {
            config = provided ?: Trial.withoutRemains(Store.read(FILE))
            if (config == null && confirmed != null) throw new NoteDamaged('jenkins2fa/gate.json is gone')
        } catch (Throwable problem) {
            config = [operator: confirmed]
            Shared.log('gate.json cannot be read: nobody is exempt, and only the operator gets in, at the script console', problem)
        }
        if (config != null) install(config, code.digest)
    }

    /** An immutable view of the settings, with names normalised as the security realm compares them. */
    static Map compile(Map raw) {
        def realm = Jenkins.get().securityRealm
        def keys = { names -> Collections.unmodifiableSet((names ?: []).collect { realm.groupIdStrategy.keyFor(it) } as Set) }
        [raw           : raw, realm: realm,
         operator      : raw.operator == null ? null : realm.userIdStrategy.keyFor(raw.operator),
         exemptGroups  : keys(raw.exemptGroups),
         enforcedGroups: raw.enforcedGroups == null ? null : keys(raw.enforcedGroups),
         exemptTokens  : raw.exemptTokens ?: false,
         asked         : Code.sha256((raw.enforcedGroups ?: []).join('\n')),
         build         : raw.build == null ? null : [millis: raw.build.windowSeconds * 1000L, once: raw.build.once ?: false,
                                                     words : (raw.build.words ?: BuildStart.WORDS) as Set]].asImmutable()
    }

    /** A gate that has served one made-up request of the calling user with this configuration: one that cannot never gets into the chain, where it would break every request. */
    static Gate rehearsed(Map config) {
        def state = Shared.state
        if (state.pass == null) state.pass = new AtomicBoolean(true)
        if (state.tokenPass == null) state.tokenPass = new RequestPass()
        if (state.marks == null) state.marks = new Marks()
        if (state.seenGroups == null) state.seenGroups = ConcurrentHashMap.newKeySet()
        def trial = [pass: state.pass, tokenPass: state.tokenPass, marks: new Marks(), seenGroups: state.seenGroups, config: compile(config)]
        def attributes = [:], passed = 0
        def session = [getAttribute: { attributes[it] }, setAttribute: { k, v -> attributes[k] = v }, removeAttribute: { attributes.remove(it) }] as Expando
        def request = [session: session, method: 'GET', requestURI: '/login', contextPath: '', getSession: { create = true -> session }, getAttribute: { null }, getParameter: { null }, getHeader: { null }] as Expando
        new Gate(trial).doFilter(request, [:] as Expando, [doFilter: { a, b -> passed++ }] as Expando)
        if (passed != 1 || trial.gateErrors) throw new IllegalStateException("the gate failed its rehearsal: ${trial.gateError}")
        new Gate(state)
    }

    /** java.lang.reflect.Proxy: the interface is known only at run time. */
    def asFilter() {
        def handler = { proxy, method, args ->
            switch (method.name) {
                case 'doFilter': doFilter(args[0], args[1], args[2]); return null
                case 'toString': return Filters.GATE
                case 'hashCode': return System.identityHashCode(proxy)
                case 'equals': return proxy.is(args[0])
                default: return null
            }
        } as java.lang.reflect.InvocationHandler
        def type = PluginServletFilter.methods.find { it.name == 'addFilter' && !it.isAnnotationPresent(Deprecated) }.parameterTypes[0]
        Proxy.newProxyInstance(type.classLoader, [type] as Class[], handler)
    }

    /** A fault of ours ends an exemption, opens nothing, and is never the request's fault. */
    void doFilter(request, response, chain) {
        def visit = null, seen = null
        try {
            visit = new Visit(request)
            if (visit.user != null && judge(visit)) { Challenge.send(visit, response); return }
            seen = visit.user == null ? null : Look.answer(state.config, visit)
        } catch (Throwable problem) {
            fault(problem)
            try { tokenPass.admitted.remove(); visit?.dropOurMark() } catch (Throwable worse) { fault(worse) }
            if (AfterFault.answers(state, visit, request, response)) return
        }
        try { seen == null ? chain.doFilter(request, response) : Look.send(response, seen) } finally { tokenPass?.admitted?.remove() }
        try { stamp(visit) } catch (Throwable problem) { fault(problem) }
    }

    /** Sets or takes the mark. Returns whether the gate itself has to send the user to the second factor. */
    boolean judge(Visit visit) {
        def config = state.config
        if (!config.realm.is(Jenkins.get().securityRealm)) state.config = config = compile(config.raw)
        visit.wasVerified = visit.verified && !visit.ours
        if (!visit.probe && isExempt(config, visit)) {
            if (!visit.wasVerified) visit.mark(marks, pass)
            return false
        }
        visit.dropOurMark()
        if (!visit.probe && letsIn(config, visit)) {
            if (!visit.wasVerified) { visit.mark(marks, tokenPass); tokenPass.admitted.set(true) }
            return false
        }
        if (!visit.wasVerified) Relay.keepLocal(visit)
        if (config.build != null && BuildStart.isBegunBy(visit, config.build.words) && !isFresh(config.build, visit)) {
            if (!Layers.effective) return false
            visit.unmark()
            return true
        }
        !visit.wasVerified && !OpenPages.has(visit) && Layers.effective
    }

    /** By a group. Which of the named groups have been seen on a request is kept: a group that nobody is in enforces nothing. */
    boolean isExempt(Map config, Visit visit) {
        if (!config.exemptGroups && config.enforcedGroups == null) return false
        def strategy = Jenkins.get().securityRealm.groupIdStrategy
        def groups = Jenkins.authentication2.authorities.collect { strategy.keyFor(it.authority) }
        def exempt = groups.findAll { it in config.exemptGroups }, enforced = config.enforcedGroups == null ? [] : groups.findAll { it in config.enforcedGroups }
        state.seenGroups?.addAll(exempt + enforced)
        exempt || (config.enforcedGroups != null && !enforced)
    }

    /** By its API token: anybody's if tokens are exempt, else the operator's own, and that for the script console only. */
    static boolean letsIn(Map config, Visit visit) {
        visit.request.getAttribute(BY_TOKEN) && (config.exemptTokens || isOperatorAtConsole(config, visit))
    }

    /** The operator's own account with its API token, calling the script console: never a browser's session, which has no such token. */
    static boolean isOperatorAtConsole(Map config, Visit visit) {
        visit.request.getAttribute(BY_TOKEN) && config.operator != null && Jenkins.get().securityRealm.userIdStrategy.keyFor(visit.user.id) == config.operator &&
            visit.request.method == 'POST' && visit.place.plain && visit.place.segments == ['scriptText']
    }

    static boolean isFresh(Map build, Visit visit) {
        def verified = visit.session.getAttribute(SINCE + visit.user.id)
        if (!visit.wasVerified || !(verified instanceof AtomicMarkableReference)) return false
        def at = verified.reference
        def unspent = build.once ? verified.compareAndSet(at, at, true, false) : verified.marked
        unspent && System.nanoTime() - at <= build.millis * 1_000_000L
    }

    /** Notes when a session became verified: the only moment at which it is fresh. A request that began before that moment and ends later does not renew it. */
    void stamp(Visit visit) {
        if (visit?.user == null || visit.wasVerified || state.config?.build == null) return
        def session = visit.request.getSession(false)
        def mark = session?.getAttribute(visit.key)
        if (mark == null || Visit.isOurs(mark) || !Boolean.parseBoolean(mark.toString())) return
        synchronized (mark) {
            def known = session.getAttribute(SINCE + visit.user.id)
            if (known instanceof AtomicMarkableReference && known.reference - visit.began >= 0) return
            marks.put(session, SINCE + visit.user.id, new AtomicMarkableReference(System.nanoTime(), true))
        }
    }

    void fault(Throwable problem) {
        state.gateErrors = (state.gateErrors ?: 0) + 1
        state.gateError = problem.toString()
        if (state.gateErrors == 1) Shared.log('the gate failed; exemptions are off for such requests', problem)
    }
}
