/**
 * The filter before the plugin's filter; it alone decides who is verified. It sets the plugin's session attribute to
 * match: to an object that all sessions share, and that differs from what the plugin itself sets. The operator and
 * exempt API tokens get the attribute for their request only, since the same session may also serve requests without
 * the token.
 *
 * Configuration: plugin (its name, null = the one that is found), operator (user id), enforcedGroups (null =
 * everyone), exemptGroups, exemptTokens, challengeTokens (neither: the plugin's own rule), build {windowSeconds, once,
 * words} or null.
 */
class Gate {
    static final String FILE = 'gate.json'
    static final String BY_TOKEN = 'jenkins.security.BasicHeaderApiTokenAuthenticator'
    static final String PROBE = 'X-Jenkins2fa-Probe'
    static final int MOST_UNPLACED = 10_000
    /** What happens to a request: it goes on to Jenkins; it goes on and is watched; it has been answered. */
    private static final String PASS = 'pass', WATCH = 'watch', DONE = 'done'

    final Map state
    final passes, tokenPass, marks
    /** Found once: plugins come and go with a restart only. */
    private volatile List running

    Gate(Map state) { this.state = state; passes = state.passes; tokenPass = state.tokenPass; marks = state.marks }

    /** Idempotent. The new gate enters before the old one leaves, so that every request meets a gate. */
    static void install(Map config, String code) {
        synchronized (Shared.chain) {
            Plugin.choose(config.plugin)
            def state = Shared.state, list = Shared.chain.list
            def present = list.findAll { Filters.isGate(it) }
            def settled = present.size() == 1 && present[0].is(state.gate) && state.code == code &&
                list.indexOf(present[0]) == 0
            def gate = settled ? null : rehearsed(config)
            reconfigure(config)
            if (settled) return
            gate.enter()
            state.code = code
            state.remove('watch')?.end()
            state.watch = new Watch()
        }
    }

    /** Enters the chain first, and then removes every other filter that claims to be our gate. */
    void enter() {
        def list = Shared.chain.list, present = list.findAll { Filters.isGate(it) }, filter = asFilter()
        list.add(0, filter)
        list.removeAll(present)
        state.gate = filter
    }

    /** Gives the installed gate new rules, in one atomic step. */
    static void reconfigure(Map config) {
        Plugin.choose(config.plugin)
        Shared.state.config = compile(config)
        Plugin.all.findAll { !it.is(Plugin.current) }.each { admitNobodyBy(it) }
    }

    /** What has let sessions pass a plugin's filter counts no more, whoever set it. Records are of a factor, and stay. */
    private static void admitNobodyBy(Plugin plugin) {
        def state = Shared.state
        plugin.revoke(state.passes?.put(plugin.name, plugin.newPass()))
        state.marks?.takeAway { name, value -> plugin.isMark(name) }
    }

    /** Also removes everything that admits a user: session attributes, records and the history of attempts. */
    static void remove() {
        synchronized (Shared.chain) {
            def list = Shared.chain.list
            Shared.state.remove('watch')?.end()
            list.removeAll(list.findAll { Filters.isGate(it) })
            Shared.state.remove('passes')?.each { name, pass -> Plugin.named(name).revoke(pass) }
            Shared.state.remove('marks')?.takeAll()
            ['voucher', 'hold', 'holdSaid', 'tokenPass', 'config', 'code', 'gate', 'gateErrors', 'gateError',
             'seenGroups', 'unplaced', 'putBack', 'locks', 'attempts', 'wrongAnswers', 'limitedAnswers',
             SessionRecord.ENDED
            ].each { Shared.state.remove(it) }
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
            def effect = 'no user or token is exempt, and the operator reaches only the script console'
            Shared.log("gate.json cannot be read: $effect", problem)
        }
        if (config != null) install(config, code.digest)
    }

    /** An immutable view of the settings, with names normalised as the security realm compares them. */
    static Map compile(Map raw) {
        def realm = Jenkins.get().securityRealm
        def keys = { names ->
            Collections.unmodifiableSet((names ?: []).collect { realm.groupIdStrategy.keyFor(it) } as Set)
        }
        def build = raw.build == null ? null : [millis: raw.build.windowSeconds * 1000L, once: raw.build.once ?: false,
                                                words: (raw.build.words ?: BuildStart.WORDS) as Set]
        [raw           : raw, realm: realm,
         operator      : raw.operator == null ? null : realm.userIdStrategy.keyFor(raw.operator),
         exemptGroups  : keys(raw.exemptGroups),
         enforcedGroups: raw.enforcedGroups == null ? null : keys(raw.enforcedGroups),
         exemptTokens  : raw.exemptTokens ?: !raw.challengeTokens && Plugin.current.openToTokens,
         asked         : Observation.sha256((raw.enforcedGroups ?: []).join('\n')),
         build         : build].asImmutable()
    }

    /**
     * A gate that has served one synthetic request of the calling user with this configuration. A gate that fails
     * here never enters the chain, where it would break every request.
     */
    static Gate rehearsed(Map config) {
        def state = Shared.state
        if (state.voucher == null) state.voucher = new Object()
        def passes = state.computeIfAbsent('passes') { new ConcurrentHashMap() }
        Plugin.all.each { plugin -> passes.computeIfAbsent(plugin.name) { plugin.newPass() } }
        if (state.tokenPass == null) state.tokenPass = new RequestPass()
        if (state.marks == null) state.marks = new Marks()
        ['seenGroups', 'unplaced'].each { if (state[it] == null) state[it] = ConcurrentHashMap.newKeySet() }
        def trial = [passes: passes, tokenPass: state.tokenPass, marks: new Marks(), seenGroups: state.seenGroups,
                     unplaced: ConcurrentHashMap.newKeySet(), config: compile(config)]
        def attributes = [:], passed = 0
        def session = [getAttribute: { attributes[it] }, setAttribute: { k, v -> attributes[k] = v },
                       removeAttribute: { attributes.remove(it) }] as Expando
        def request = [session: session, method: 'GET', requestURI: '/login', contextPath: '', queryString: null,
                       remoteAddr: '127.0.0.1', contentType: null, getSession: { create = true -> session },
                       getAttribute: { null }, getParameter: { null }, getHeader: { null }] as Expando
        new Gate(trial).doFilter(request, [:] as Expando, [doFilter: { a, b -> passed++ }] as Expando)
        if (passed != 1 || trial.gateErrors) {
            throw new IllegalStateException("the gate failed its rehearsal: ${trial.gateError}")
        }
        new Gate(state)
    }

    /** The Filter interface of this Jenkins' servlet API, which is known only at run time. */
    static Class getFilterType() {
        def adding = PluginServletFilter.methods.find { it.name == 'addFilter' && !it.isAnnotationPresent(Deprecated) }
        adding.parameterTypes[0]
    }

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
        Proxy.newProxyInstance(filterType.classLoader, [filterType] as Class[], handler)
    }

    /** A fault of the gate ends exemptions, opens nothing, and does not break the request. */
    void doFilter(request, response, chain) {
        def visit = null, fate = PASS, seen = null
        try {
            try {
                visit = new Visit(request, marks)
                fate = judge(visit, response)
                if (fate == DONE) return
                seen = visit.user == null ? null : Look.answer(state.config, visit)
            } catch (Throwable problem) {
                fault(problem)
                fate = PASS
                try { tokenPass.admitted.remove(); visit?.dropOurMark() } catch (Throwable worse) { fault(worse) }
                if (AfterFault.answers(visit, request, response)) return
            }
            if (seen != null) Look.send(response, seen)
            else fate == WATCH ? new Answers(this, visit, response, chain).serve() : chain.doFilter(request, response)
        } finally { tokenPass?.admitted?.remove() }
    }

    private String judge(Visit visit, response) {
        def config = state.config
        if (!config.realm.is(Jenkins.get().securityRealm)) state.config = config = compile(config.raw)
        def demanded = Hold.demanded
        if (!Plugin.current.present) return PASS
        def fate = PASS
        if (visit.user != null) fate = judgeUser(config, visit, demanded, response)
        else if (Plugin.current.isMentioned(visit.place) || Plugin.otherMentioned(visit.place)) fate = refuse(response)
        if (fate == DONE || CrumbCheck.passes(visit.request, response)) return fate
        CrumbCheck.refuse(response)
        DONE
    }

    private String judgeUser(Map config, Visit visit, boolean demanded, response) {
        // before the record is read: a record is written before its answer counts as finished
        def answering = visit.answering
        def record = SessionRecord.of(visit)
        def exempt = !visit.probe && isExempt(config, visit), byToken = !visit.probe && letsIn(config, visit)
        if (answering && demanded && record == null && !exempt && !byToken) {
            Answers.awaitEnd(visit.user) // the browser may get its answer before the record is written
            record = SessionRecord.of(visit)
        }
        mark(visit, record, exempt, byToken)
        if (demanded && record == null && !exempt && !byToken) {
            if (!OpenPages.has(visit)) return challenge(visit, response)
            return Answers.watches(visit) ? WATCH : PASS
        }
        switch (FactorChange.demands(visit, record)) {
            case 'refuse': return refuse(response)
            case 'verify': return challenge(visit, response)
        }
        if (Answers.watches(visit)) return WATCH
        def stepsUp = config.build != null && demanded && !exempt && !byToken &&
            BuildStart.isBegunBy(visit, config.build.words)
        if (!stepsUp || SessionRecord.isFresh(record, config.build.millis, config.build.once)) return PASS
        challenge(visit, response)
    }

    /**
     * Sets the plugin's session attribute for this request. A value that the plugin has set itself counts only while
     * its answer is watched (Answers).
     */
    private void mark(Visit visit, Map record, boolean exempt, boolean byToken) {
        if (record != null) visit.noteSession()
        if (record != null || exempt || byToken) markForOthers(visit, record != null || exempt)
        def pass = passes[Plugin.current.name]
        if (record != null) {
            if (!visit.marked) visit.mark(pass)
        } else if (exempt) visit.mark(pass)
        else if (byToken && !Plugin.current.openToTokens) { visit.mark(tokenPass); tokenPass.admitted.set(true) }
        else {
            if (!visit.answering) visit.unmark()
            Relay.keepLocal(visit)
        }
    }

    /** A plugin that does not count, and was switched on nevertheless, lets pass whom the gate lets pass. */
    private void markForOthers(Visit visit, boolean inSession) {
        if (running == null) running = Plugin.running
        running.findAll { !it.is(Plugin.current) && (it.live || !it.isOff(it.memory())) }.each { other ->
            def key = other.markOf(visit.user)
            if (!inSession && !other.openToTokens) { visit.put(key, tokenPass); tokenPass.admitted.set(true) }
            if (inSession && !other.accepts(visit.attribute(key))) visit.put(key, passes[other.name])
        }
    }

    private static String challenge(Visit visit, response) { Challenge.send(visit, response); DONE }

    private static String refuse(response) {
        response.sendError(403, 'You may not open this page of the second factor')
        DONE
    }

    /**
     * Exempt by a group. Named groups that occurred on a request are remembered, because an empty group enforces
     * nothing. A user of whom the realm reports no group may be in an enforced one, and is therefore challenged.
     */
    boolean isExempt(Map config, Visit visit) {
        if (!config.exemptGroups && config.enforcedGroups == null) return false
        def strategy = Jenkins.get().securityRealm.groupIdStrategy
        def groups = Jenkins.authentication2.authorities.collect { strategy.keyFor(it.authority) }
        def exempt = groups.findAll { it in config.exemptGroups }
        def enforced = config.enforcedGroups == null ? [] : groups.findAll { it in config.enforcedGroups }
        state.seenGroups?.addAll(exempt + enforced)
        if (exempt || config.enforcedGroups == null || enforced) return exempt as boolean
        def placed = groups.any { it != strategy.keyFor('authenticated') }
        if (!placed && state.unplaced?.size() < MOST_UNPLACED) state.unplaced.add(visit.userKey)
        placed
    }

    /**
     * Exempt by an API token: any token if tokens are exempt, else only the operator's, and only for the script
     * console.
     */
    static boolean letsIn(Map config, Visit visit) {
        visit.request.getAttribute(BY_TOKEN) && (config.exemptTokens || isOperatorAtConsole(config, visit))
    }

    /**
     * The operator's own account with its API token, calling the script console; never a browser's session, which
     * has no token.
     */
    static boolean isOperatorAtConsole(Map config, Visit visit) {
        if (!visit.request.getAttribute(BY_TOKEN)) return false
        if (config.operator == null || visit.userKey != config.operator) return false
        visit.request.method == 'POST' && visit.place.plain && visit.place.segments == ['scriptText']
    }

    void fault(Throwable problem) {
        state.gateErrors = (state.gateErrors ?: 0) + 1
        state.gateError = problem.toString()
        if (state.gateErrors == 1) Shared.log('the gate failed at a request; exemptions are off for it', problem)
    }
}
