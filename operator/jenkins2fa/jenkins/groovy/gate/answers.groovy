/**
 * Serves and watches the pages of the second factor, one request at a time per user, so that what the plugin keeps by
 * user belongs to this session meanwhile. Only here does a session become verified: by an answer, or a first
 * enrolment, that was possible before the request, and that the plugin accepted during it.
 */
class Answers {
    static final long LONGEST_WAIT_SECONDS = 10

    private final Gate gate
    private final Visit visit
    private final Page page
    private final response, chain
    /** Whether the plugin will compare the answer with anything; found out before it does. */
    private boolean answerable

    Answers(Gate gate, Visit visit, response, chain) {
        this.gate = gate
        this.visit = visit
        page = visit.page
        this.response = response
        this.chain = chain
    }

    static boolean watches(Visit visit) {
        def page = visit.page
        page?.factor != null && (page.action ? visit.request.method == 'POST' : page.kind == Page.SHOW)
    }

    /** Waits, for a limited time, until no request about this user's second factor is running. */
    static void awaitEnd(User user) {
        def lock = lockOf(user)
        if (lock.tryLock(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS)) lock.unlock()
    }

    /** Runs while no request about this user's second factor is served. */
    static alone(User user, long seconds, Closure work) {
        def lock = lockOf(user)
        if (!lock.tryLock(seconds, TimeUnit.SECONDS)) {
            throw new IllegalStateException('requests about this second factor are running: try again')
        }
        try { work() } finally { lock.unlock() }
    }

    void serve() {
        def lock = null
        try {
            // before it waits, and again when its turn has come
            if (!isReadable()) return
            if (page.challenge && Plugin.current.leadsAway(visit.request)) {
                Challenge.sendTo(visit, page.factor, response)
                return
            }
            if (page.kind == Page.ANSWER && isLimited()) return
            lock = lockOf(visit.user)
            if (!lock.tryLock(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS)) {
                response.setHeader('Retry-After', '5')
                response.sendError(503, 'Another request about this second factor is still running: try again')
                return
            }
        } catch (Throwable problem) {
            fail(problem)
            return
        }
        try { serveAlone() } finally { lock.unlock() }
    }

    private void serveAlone() {
        try {
            if (isLimited()) return
            if (!isStillPossible()) { Challenge.send(visit, response); return }
            if (page.challenge) Plugin.current.prepare(visit, page)
            answerable = Plugin.current.isAnswerable(visit, page)
            visit.put(Visit.ANSWERING + visit.user.id, true)
            visit.unmark()
        } catch (Throwable problem) {
            fail(problem)
            return
        }
        try { chain.doFilter(visit.request, response) } finally {
            try { afterwards() } catch (Throwable problem) { gate.fault(problem) } finally { ended() }
        }
    }

    private void fail(Throwable problem) {
        gate.fault(problem)
        AfterFault.refuse(response)
    }

    /** Reads the whole form before any other request waits for this one, in the encoding of the plugin's pages. */
    private boolean isReadable() {
        if (!page.action) return true
        try {
            if (String.valueOf(visit.request.contentType).toLowerCase(Locale.ROOT).startsWith('multipart/')) {
                response.sendError(415, 'Send this form url-encoded')
                return false
            }
            visit.request.getParameter('json')
            true
        } catch (RuntimeException unreadable) { response.sendError(400, 'This form cannot be read'); false }
    }

    private boolean isLimited() {
        def attempts = Attempts.current, id = visit.userKey, address = visit.address
        def pause = 0
        if (page.kind == Page.ANSWER) pause = attempts.pauseOf(id, address)
        else if (page.kind == Page.SEND) pause = attempts.pauseOfMail(id, address)
        if (pause == 0) return false
        Attempts.count('limitedAnswers')
        Challenge.limit(visit, page.factor, Attempts.seconds(pause), response)
        true
    }

    /** Checked again, since it may have changed while the request waited for its turn. */
    private boolean isStillPossible() {
        if (page.challenge) return OpenPages.canAnswer(page.factor, Factors.enrolled(visit.user))
        FactorChange.demands(visit, SessionRecord.of(visit)) == null
    }

    private void afterwards() {
        if (visit.session == null) return
        def plugin = Plugin.current
        def right = visit.markedByPlugin && plugin.isEnrolled(visit.user, page.factor)
        def record = SessionRecord.of(visit)
        if (page.kind == Page.ANSWER) {
            right = right && answerable
            if (right) Attempts.current.wasRight(visit.userKey, visit.address)
            else if (answerable) Attempts.current.wasWrong(visit.userKey, visit.address)
        }
        if (page.challenge) plugin.putAway(visit, page, right)
        else {
            def owner = page.owner == null ? visit.user : User.get(page.owner, false) ?: visit.user
            plugin.forget(owner.id)
            def isGone = page.kind == Page.RESET && !plugin.isEnrolled(owner, page.factor)
            if (isGone) SessionRecord.end(owner, [page.factor])
        }
        if (right && page.kind in [Page.ANSWER, Page.ENROL]) SessionRecord.write(visit, page.factor)
        else if (record == null) visit.unmark()
    }

    /** Comes last: a request that finds no running answer must find its result. */
    private void ended() { visit.remove(Visit.ANSWERING + visit.user.id) }

    private static lockOf(User user) {
        def locks = Shared.state.computeIfAbsent('locks') { new ConcurrentHashMap() }
        locks.computeIfAbsent(user.id) { new java.util.concurrent.locks.ReentrantLock(true) }
    }
}
