/**
 * Removes the second factor of one user, who enrols again at the next login. Where the owner record requires
 * approvals, two accounts must ask for it within a day: the first one leaves a request in a file. Jenkins itself says
 * which account asks.
 */
class FactorReset {
    static final String FILE = 'factor-resets.json'
    static final long VALID_MILLIS = 24 * State.HOUR
    static final int MOST = 100, WAIT_SECONDS = 4

    private final User user
    private final String caller = User.current()?.id
    private final Map owner

    private FactorReset(User user, Map owner) { this.user = user; this.owner = owner }

    /**
     * Looks at the user with this id or, with `perform`, acts. Returns outcome and, where there is such a user: user
     * (the id as Jenkins has it), factors, gated, premium; of a request: by (who asks), left (milliseconds).
     * Outcomes: NoPlugin, UnknownUser, NoFactor; Removable, Removed; NeedsSecond, Requested, Waiting (for another
     * account); OperatorsAccount (which nobody counts as a person's).
     */
    static Map answer(String id, boolean perform) {
        if (!Plugin.current.present) return [outcome: 'NoPlugin']
        def user = id ? User.getById(id, false) : null
        if (user == null) return [outcome: 'UnknownUser']
        if (!perform) return new FactorReset(user, State.owner).look()
        // the user's lock first, as a request takes them
        Answers.alone(user, WAIT_SECONDS) {
            synchronized (Shared.chain) { new FactorReset(user, State.owner).act() }
        }
    }

    private Map look() {
        if (!factors) return about('NoFactor')
        if (!owner?.approvals) return about('Removable')
        if (caller == null || operators.any { isSame(it, caller) }) return about('OperatorsAccount')
        def request = requests[key]
        // of somebody who may no longer ask, it counts for nothing
        if (request == null || !administers(request.by)) return about('NeedsSecond') + [by: caller, left: VALID_MILLIS]
        def left = (long) request.at + VALID_MILLIS - System.currentTimeMillis()
        about(isSame(request.by, caller) ? 'Waiting' : 'Removable') + [by: request.by, left: left]
    }

    private Map act() {
        def before = look()
        if (before.outcome == 'NeedsSecond') {
            def others = requests.findAll { it.key != key }.sort { -it.value.at }.take(MOST - 1)
            Store.write(FILE, others + [(key): [by: caller, at: System.currentTimeMillis()]])
            Shared.log('unlock: an administrator asked for the removal of a second factor; a second one must too')
            return before + [outcome: 'Requested']
        }
        if (before.outcome != 'Removable') return before
        if (before.by != null) spend()
        remove()
        before + [outcome: 'Removed']
    }

    /** Before the removal, so that a request is never used twice. */
    private void spend() {
        def others = requests.findAll { it.key != key }
        others ? Store.write(FILE, others) : Store.delete(FILE)
    }

    private void remove() {
        def plugin = Plugin.current
        SessionRecord.end(user, plugin.factors)
        try { plugin.reset(user) } catch (IOException problem) {
            Shared.log('unlock: a user could not be written', problem)
            throw new NotPersisted('the user could not be written to disk')
        }
        plugin.forget(user.id)
        Attempts.current.forget(key)
        if (factors) throw new IllegalStateException('the plugin still has a second factor of this user')
        Shared.log('unlock: the second factor of a user was removed')
    }

    private Map about(String outcome) {
        [outcome: outcome, user: user.id, factors: factors, premium: Plugin.current.edition == 'premium',
         gated: (Shared.chain.list as List).any { Filters.isGate(it) }]
    }

    private List<String> getFactors() {
        def plugin = Plugin.current
        plugin.factors.findAll { plugin.knows(it) && plugin.isEnrolled(user, it) }
    }

    /** By the key of the user to unlock. Damaged requests and old ones are left out: two accounts must ask again. */
    private static Map getRequests() {
        def now = System.currentTimeMillis(), kept = [:]
        try { kept = Store.read(FILE) ?: [:] } catch (RuntimeException damaged) {
            Shared.log("$FILE is damaged", damaged)
        }
        kept.findAll { who, request ->
            request instanceof Map && request.by instanceof String && request.at instanceof Number &&
                request.at <= now && request.at > now - VALID_MILLIS
        }
    }

    private static boolean administers(String id) {
        try {
            def account = User.getById(id, false)?.impersonate2()
            account != null && Jenkins.get().ACL.hasPermission2(account, Jenkins.ADMINISTER)
        } catch (RuntimeException unknownToRealm) { false }
    }

    /** Accounts of the operator: whoever holds its Secret is not a second person. */
    private List getOperators() {
        [owner.account, Shared.state.config?.raw?.operator, State.operator].findAll()
    }

    private String getKey() { keyOf(user.id) }

    private static String keyOf(String id) { Jenkins.get().securityRealm.userIdStrategy.keyFor(id) }

    /** Also where ids differ by case only: the realm behind Jenkins may take them for one. */
    private static boolean isSame(String one, String other) {
        keyOf(one) == keyOf(other) || one.equalsIgnoreCase(other)
    }
}
