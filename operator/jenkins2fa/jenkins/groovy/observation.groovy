/**
 * Queries the security realm for users. The realm may be slow, so the time within one observation is limited. Results
 * are kept while Jenkins runs; the next observation goes on with the remaining users, then with those queried longest
 * ago, so a quick realm is queried for all users each time. Holds at most as many entries as Jenkins has users.
 */
class Round {
    private static final long DAY = java.util.concurrent.TimeUnit.DAYS.toNanos(1)

    private final Map<String, Long> asked = new java.util.concurrent.ConcurrentHashMap()
    private final lock = new java.util.concurrent.locks.ReentrantLock()

    /**
     * ask: gets a user, returns whether that is enough. Returns whether each user was queried within a day. Two
     * concurrent observations do not query twice.
     */
    boolean go(Collection users, long millis, Closure ask) {
        if (lock.tryLock()) {
            try { walk(users, System.nanoTime() + millis * 1_000_000L, ask) } finally { lock.unlock() }
        }
        def now = System.nanoTime()
        users.every { user -> def at = asked[user.id]; at != null && now - at < DAY }
    }

    void forget() { asked.clear() }

    private void walk(Collection users, long until, Closure ask) {
        asked.keySet().retainAll(users*.id as Set)
        def order = users.sort(false) { asked[it.id] ?: Long.MIN_VALUE }
        for (user in order) {
            def enough = ask(user)
            asked[user.id] = System.nanoTime()
            if (enough || System.nanoTime() - until >= 0) return
        }
    }
}

/**
 * What the realm reported about its users: non-empty groups, known users, administrators. In memory only, and for one
 * realm.
 */
class Heard {
    static final int MOST_GROUPS = 1_000

    private static volatile Heard current

    final realm = Jenkins.get().securityRealm
    final Set sought = java.util.concurrent.ConcurrentHashMap.newKeySet()
    final Set found = java.util.concurrent.ConcurrentHashMap.newKeySet()
    final Map<String, Map> people = new java.util.concurrent.ConcurrentHashMap()
    final Round groups = new Round(), users = new Round()

    static synchronized Heard get() {
        if (current == null || !current.realm.is(Jenkins.get().securityRealm)) current = new Heard()
        current
    }

    /** A new group starts the round again. */
    synchronized void seek(Set keys) {
        if (sought.containsAll(keys)) return
        if (sought.size() + keys.size() > MOST_GROUPS) { sought.clear(); found.clear() }
        sought.addAll(keys)
        [groups, users]*.forget()
    }
}

/**
 * The start-up file's SHA-256, computed again only when the file has changed: it is the largest file that an
 * observation reads.
 */
class Startup {
    private static volatile Map known = [:]

    static String sha256(File file) {
        if (!file.file) return null
        def found = java.nio.file.Files.readAttributes(file.toPath(), java.nio.file.attribute.BasicFileAttributes)
        def mark = [file.path, found.fileKey(), found.size(), found.lastModifiedTime()]
        if (known.mark != mark) known = [mark: mark, sha256: Observation.sha256(file.bytes)]
        known.sha256
    }
}

/**
 * The observation of 2FA in this Jenkins. Never writes. The same code answers as a script (observe.groovy) and within
 * the gate. Input: plugin (its name, where the site says which one counts); users (whether to count enrolments);
 * groups (the enforced groups, of which the non-empty ones are reported); exempt (groups whose members are not
 * challenged and count apart). A part that failed is [error: ...]. groups and users report complete: false while
 * the realm has not been queried for every user yet; then known groups and counts of administrators may be too low,
 * and the next observation goes on.
 */
class Observation {
    static final long GROUPS_MILLIS = 1_000, USERS_MILLIS = 3_000

    private final Map input, state
    private final jenkins = Jenkins.get()

    Observation(Map input) {
        this.input = input
        state = Filters.context.getAttribute('jenkins2fa') ?: [:]
        if (!input.byGate) Plugin.choose(input.plugin ?: state.config?.raw?.plugin)
    }

    Map take() {
        def answer = [ok: true, jenkins: ofJenkins(), self: [id: User.current()?.id]]
        ['plugin', 'layers', 'gate', 'trial', 'state', 'breakGlass', 'access', 'mailer', 'configurationAsCode',
         'enrolment'].each { answer[it] = attempt(it) }
        if (input.groups) answer.groups = attempt('groups')
        if (input.users) answer.users = attempt('users')
        answer
    }

    private static Plugin getPlugin() { Plugin.current }

    private attempt(String part) {
        try { "$part"() } catch (Throwable problem) {
            [error: [type: problem.class.simpleName, message: String.valueOf(problem.message)]]
        }
    }

    static String sha256(String text) { sha256(text.getBytes('UTF-8')) }

    static String sha256(byte[] bytes) {
        java.security.MessageDigest.getInstance('SHA-256').digest(bytes).encodeHex().toString()
    }

    private File file(String path) { new File(jenkins.rootDir, path) }

    private json(String name) {
        def source = file("jenkins2fa/$name")
        source.file ? new groovy.json.JsonSlurperClassic().parse(source, 'UTF-8') : null
    }

    private Class find(String name) {
        try { jenkins.pluginManager.uberClassLoader.loadClass(name) } catch (ClassNotFoundException absent) { null }
    }

    private Map ofJenkins() {
        [version: Jenkins.VERSION, session: Jenkins.SESSION_HASH, rootUrl: jenkins.rootUrl,
         quietingDown: jenkins.quietingDown, now: System.currentTimeMillis(),
         identity: sha256(jenkins.legacyInstanceId).take(16),
         securityRealm: jenkins.securityRealm.class.simpleName]
    }

    Map plugin() {
        def wrapper = plugin.wrapper
        def others = Plugin.others.collect {
            [name: it.name, version: it.wrapper.version, active: it.active, asks: it.usable && it.effective,
             on: it.active ? it.layersOn : [], writable: !it.missing && it.edition == 'free']
        }
        [name: plugin.name, installed: wrapper != null, active: plugin.active, version: wrapper?.version,
         missing: plugin.missing, foundProperties: plugin.foundProperties, edition: plugin.edition, others: others]
    }

    Map layers() { plugin.present ? [disk: plugin.disk(), memory: plugin.memory(), live: plugin.live] : null }

    Map gate() {
        def list = Filters.chain.list as List
        def gates = list.findIndexValues { Filters.isGate(it) }
        def theirs = list.findIndexValues { Filters.isTwoFactor(it) }
        def script = file('init.groovy.d/jenkins2fa.groovy')
        [installed: gates.size(), position: gates ? gates[0] : null, pluginFilters: list.count { Filters.isPlugins(it) },
         beforePlugin: gates && theirs ? gates[0] < theirs[0] : null,
         foreign: gates && state.gate != null && !list[gates[0] as int].is(state.gate),
         code: state.code, config: state.config?.raw, errors: state.gateErrors ?: 0, lastError: state.gateError,
         putBack: state.putBack?.count ?: 0, seenGroups: (state.seenGroups ?: []) as List,
         unplaced: state.unplaced?.size() ?: 0,
         hold: state.hold, wrongAnswers: state.wrongAnswers ?: 0, limitedAnswers: state.limitedAnswers ?: 0,
         lockedOut: plugin.present ? plugin.lockedOut : 0,
         startup: [code: Startup.sha256(script), config: attempt('storedGate')]]
    }

    def storedGate() { json('gate.json') }

    Map trial() {
        def kept = json('trial.json')
        def isOver = kept?.session == Jenkins.SESSION_HASH && kept.id == state.lastTrial?.id
        def open = state.trial ?: (isOver ? null : kept), stale = open?.session != Jenkins.SESSION_HASH
        [pending: open == null ? null : [id: open.id, until: open.until, stale: stale], last: state.lastTrial]
    }

    Map state() { json('state.json')?.subMap(['owner', 'deletionPolicy', 'breakGlass', 'corrections', 'hold']) }

    Map breakGlass() {
        def note = json('break-glass.json')
        // without its timer the file is left over from a restart: nothing is open
        state.breakGlassTimer == null ? null : [until: state.breakGlassUntil, reason: note?.reason]
    }

    /**
     * Whether anonymous users may administer: by the strategy that allows everything, or by a permission of
     * anonymous.
     */
    Map access() { [anonymousAdministers: jenkins.ACL.hasPermission2(Jenkins.ANONYMOUS2, Jenkins.ADMINISTER)] }

    Map mailer() {
        def mailer = jenkins.getDescriptor('hudson.tasks.Mailer')
        [installed: mailer != null, smtpHost: mailer == null ? false : mailer.smtpHost as boolean]
    }

    Map configurationAsCode() {
        def casc = find('io.jenkins.plugins.casc.ConfigurationAsCode')
        if (casc == null) return null
        def files = (casc.get().sources as List).collect { new File(it) }.collectMany {
            it.directory ? it.listFiles().findAll { f -> f.name ==~ /.*\.ya?ml/ } : [it]
        }
        def managed = files.any { it.file && it.getText('UTF-8') =~ /(?m)^\s+${plugin.codeKey}:/ }
        [managed: managed ?: (files.every { it.file } ? false : null)]
    }

    /** Whether the account that asks is enrolled in each factor; null: this version does not have it. */
    Map enrolment() {
        def user = User.current()
        plugin.factors.collectEntries { [it, plugin.knows(it) ? user != null && plugin.isEnrolled(user, it) : null] }
    }

    Map groups() {
        def strategy = jenkins.securityRealm.groupIdStrategy
        def wanted = input.groups.collectEntries { [strategy.keyFor(it), it] }, found = [] as Set
        found.addAll((state.seenGroups ?: []).findAll { wanted.containsKey(it) })
        if (wanted.containsKey(strategy.keyFor('authenticated'))) found << strategy.keyFor('authenticated')
        def heard = Heard.get(), complete = true
        if (found.size() < wanted.size()) {
            heard.seek(wanted.keySet())
            def all = { ->
                found.addAll(heard.found.findAll { wanted.containsKey(it) })
                found.size() == wanted.size()
            }
            complete = all() || heard.groups.go(people(), GROUPS_MILLIS) { user ->
                try {
                    heard.found.addAll(user.authorities.collect { strategy.keyFor(it) }.findAll { it in heard.sought })
                } catch (Throwable unknownToRealm) { }
                all()
            } || all()
        }
        [known: found.collect { wanted[it] }.findAll().sort(), complete: complete]
    }

    private static List people() { User.getAll().findAll { it.id != 'SYSTEM' } }

    /**
     * The users who are challenged. Counted apart: exempt users; users whom the realm does not know (Jenkins keeps a
     * record of each author of a change, who cannot log in). Left out: the account that asks.
     */
    private Map asked(long millis) {
        def people = people(), heard = Heard.get(), asking = User.current()?.id
        def exempt = keys(input.exempt), enforced = input.groups ? keys(input.groups) : null
        heard.seek(exempt + (enforced ?: []) as Set)
        def complete = heard.users.go(people, millis) { user ->
            heard.people[user.id] = standing(user, heard.sought)
            false
        }
        heard.people.keySet().retainAll(people*.id as Set)
        def others = people.findAll { it.id != asking }
        def (unknown, known) = others.split { heard.people[it.id]?.unknown }
        def (spared, asked) = known.split { user ->
            def groups = heard.people[user.id]?.groups
            groups != null && (groups.any { it in exempt } || (enforced != null && !groups.any { it in enforced }))
        }
        [users: asked, exempt: spared.size(), unknown: unknown.size(), complete: complete]
    }

    private List<String> factorsOf(User user) {
        plugin.factors.findAll { plugin.knows(it) && plugin.isEnrolled(user, it) }
    }

    Map users() {
        def counts = [total: 0, notEnrolled: 0, withoutAddress: 0, administrators: 0, administratorsNotEnrolled: 0]
        counts << plugin.factors.collectEntries { [it, 0] }
        def mail = find('hudson.tasks.Mailer$UserProperty'), heard = Heard.get(), asked = asked(USERS_MILLIS)
        counts << asked.subMap(['exempt', 'unknown', 'complete'])
        counts.withApiToken = withApiToken(asked.users)
        asked.users.each { user ->
            def factors = factorsOf(user), administers = heard.people[user.id]?.administrator
            counts.total++
            factors.each { counts[it]++ }
            if (!factors) counts.notEnrolled++
            if (administers) counts.administrators++
            if (administers && !factors) counts.administratorsNotEnrolled++
            if (mail != null && !user.getProperty(mail)?.address) counts.withoutAddress++
        }
        counts
    }

    /** Ids of the challenged users without a second factor, sorted. */
    List notEnrolled(long millis) { asked(millis).users.findAll { !factorsOf(it) }*.id.sort() }

    /** How many users have an API token; null when this Jenkins does not report it. */
    private Integer withApiToken(List users) {
        def type = find('jenkins.security.ApiTokenProperty')
        try { type == null ? null : users.count { it.getProperty(type)?.tokenList } as Integer }
        catch (MissingPropertyException anotherApi) { null }
    }

    private Set keys(names) { (names ?: []).collect { jenkins.securityRealm.groupIdStrategy.keyFor(it) } as Set }

    private Map standing(User user, Set sought) {
        try {
            def account = user.impersonate2()
            [administrator: jenkins.ACL.hasPermission2(account, Jenkins.ADMINISTER),
             groups: keys(account.authorities*.authority).intersect(sought)]
        } catch (org.springframework.security.core.AuthenticationException unknownToRealm) { [unknown: true] }
    }
}
