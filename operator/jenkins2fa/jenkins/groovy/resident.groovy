/*
 * The part of the operator that stays inside Jenkins: the gate, the undo of an unconfirmed trial, the end of a break-glass.
 *
 * Lives in $JENKINS_HOME/init.groovy.d/jenkins2fa.groovy and runs at every start; the operator also has it evaluated through the script console,
 * with the binding `text` (the file's own text), and uses the classes that it returns. The text never changes with the settings: what to do is in the
 * JSON files of $JENKINS_HOME/jenkins2fa. Works with javax.servlet and jakarta.servlet. Every class has one job.
 * To take it out: `jenkins2fa gate remove`, or delete this file and the folder $JENKINS_HOME/jenkins2fa and restart.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import hudson.model.User
import hudson.util.AtomicFileWriter
import hudson.util.PluginServletFilter
import java.lang.reflect.Proxy
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicMarkableReference
import java.util.logging.Level
import java.util.logging.Logger
import jenkins.model.Jenkins
import jenkins.util.Timer

/** A refusal with a name that the operator knows (the class name crosses the wire). */
class TrialPending extends RuntimeException { TrialPending(String message) { super(message) } }
class OwnedElsewhere extends RuntimeException { OwnedElsewhere(String message) { super(message) } }
class QuietingDown extends RuntimeException { QuietingDown(String message) { super(message) } }
class NotPersisted extends RuntimeException { NotPersisted(String message) { super(message) } }
class NoteDamaged extends RuntimeException { NoteDamaged(String message) { super(message) } }
class NothingToRestore extends RuntimeException { NothingToRestore(String message) { super(message) } }

/** JSON files beside Jenkins' own, written atomically. */
class Store {
    static File file(String name) { new File(Jenkins.get().rootDir, "jenkins2fa/$name") }

    static Map read(String name) {
        def source = file(name)
        try { source.file ? (Map) new JsonSlurperClassic().parse(source, 'UTF-8') : null }
        catch (groovy.json.JsonException | ClassCastException problem) { throw new NoteDamaged("jenkins2fa/$name is no longer readable") }
    }

    static void write(String name, Map data) { writeText(file(name), JsonOutput.toJson(data)) }

    static void writeText(File target, String text) {
        try {
            target.parentFile.mkdirs()
            def writer = new AtomicFileWriter(target.toPath(), java.nio.charset.StandardCharsets.UTF_8)
            try { writer.write(text); writer.commit() } finally { writer.abort() }
        } catch (IOException problem) {
            Shared.log("$target could not be written", problem)
            throw new NotPersisted("${target.name} could not be written to disk")
        }
    }

    static File getStartup() { new File(Jenkins.get().rootDir, 'init.groovy.d/jenkins2fa.groovy') }

    static void keepCode(String text) { if (!startup.file || startup.getText('UTF-8') != text) writeText(startup, text) }

    static void delete(String name) { java.nio.file.Files.deleteIfExists(file(name).toPath()) }

    /** Our folder, once nothing is left in it. */
    static void tidy() { def folder = file(''); if (folder.directory && !folder.list()) folder.delete() }
}

/** What outlives one version of this code within one run of Jenkins; also the one lock (`chain`). */
class Shared {
    static final String KEY = 'jenkins2fa'

    static getContext() { Filters.context }

    static getChain() { Filters.chain }

    static Map getState() {
        def owner = context
        synchronized (chain) {
            if (owner.getAttribute(KEY) == null) owner.setAttribute(KEY, new ConcurrentHashMap())
            owner.getAttribute(KEY)
        }
    }

    static void log(String message, Throwable problem = null) {
        Logger.getLogger('jenkins2fa').log(problem == null ? Level.INFO : Level.SEVERE, message, problem)
    }
}

// include premium.groovy

// include layers.groovy

// include filters.groovy

// include observation.groovy

/** Writes the plugin's settings, and takes back what was written. */
class Settings {
    static void setLive(value) { value == null ? Layers.live.remove(Layers.LIVE) : Layers.live.put(Layers.LIVE, (Boolean) value) }

    /** Whether the file holds what memory holds; what is not kept there under its own name cannot be compared. */
    static boolean isStored() { def kept = Layers.disk(); kept != null && kept == Layers.memory().subMap(kept.keySet()) }

    static String digest() { Layers.file.file ? Code.sha256(Layers.file.getText('UTF-8')) : null }

    /** Mail texts that nobody names stay as they are; where there are none, plain ones: an empty text would mail no password. */
    static Map completed(Map wanted) {
        if (!wanted.mail) return wanted
        def held = Layers.memory().mail
        wanted + [mail: [subject : wanted.mail.subject ?: held?.subject ?: 'Your one-time password for Jenkins',
                         template: wanted.mail.template ?: held?.template ?: 'Your one-time password for Jenkins is $otp']]
    }

    /** Sets the given keys in memory; a key that is absent stays as it is. */
    static void remember(Map wanted) {
        def target = Layers.config
        if (wanted.containsKey('enabled') && target.enableTfa != wanted.enabled) target.setEnableTfa((boolean) wanted.enabled)
        if (wanted.containsKey('securityQuestions')) target.setEnableSecurityQuestionsAuthentication((boolean) wanted.securityQuestions)
        if (wanted.containsKey('emailOTP')) {
            def otp = wanted.emailOTP
            target.@otpOverEmailDto = otp == null ? null : Layers.load('dto.MoOtpOverEmailDto').newInstance((Boolean) otp.enabled, otp.sender)
        }
        if (wanted.containsKey('mail')) {
            def mail = wanted.mail
            target.@moAdvancedSettingsDTO = mail == null ? null : Layers.load('dto.MoAdvanceSettingsDTO').newInstance(mail.subject, mail.template)
        }
        Premium.remember(target, wanted)
    }

    /** To disk. Jenkins logs a failed save and goes on, so only reading the file again tells. */
    static void save() {
        Layers.config.save()
        if (!isStored()) throw new NotPersisted('the plugin\'s settings could not be written to disk')
    }

    /** Whether memory still holds all that the trial wrote. */
    static boolean holds(Map wrote) { def now = Layers.memory(); wrote.every { key, value -> same(now[key], value) } }

    /** The plugin's form leaves no e-mail settings where we write ones that are off. */
    static boolean same(one, other) { one == other || [one, other].every { it == null || it instanceof Map && it.enabled == false && !it.sender } }

    /** Before the other layers, since it is the one that locks people out. In a break-glass it is on only if somebody has saved the plugin's form since, and stays so if it was on before. */
    static void takeBackLive(Map wrote, former) {
        if (wrote.containsKey('enabled') && Layers.live[Layers.LIVE] == wrote.enabled && !(BreakGlass.open && former)) setLive(former)
    }

    /** Puts back each key that still holds what the trial wrote; what somebody else has changed since then stays. */
    static void undo(Map wrote, Map before) {
        takeBackLive(wrote, before.live)
        def now = Layers.memory()
        remember(wrote.keySet().findAll { same(now[it], wrote[it]) }.collectEntries { [it, before.memory[it]] })
    }

    /** After a restart, memory came from disk, and so did the live flag where nothing of ours ran at the start: what an unconfirmed trial wrote there is taken out of them. */
    static void forget(Map wrote, Map before) {
        if (digest() == before.digest) return
        def former = before.disk ?: before.memory, now = Layers.memory(), ours = wrote.keySet().findAll { same(now[it], wrote[it]) }
        takeBackLive(wrote.subMap(ours), former.enabled)
        remember(ours.collectEntries { [it, former[it]] })
    }

    /** Takes from disk what the trial wrote and nobody confirmed: somebody saved meanwhile, or the confirmation failed half-way. Memory stays as it is. */
    static void purge(Map wrote, Map before) {
        if (digest() == before.digest) return
        def stored = Layers.disk(), former = before.disk ?: before.memory, now = Layers.memory()
        def ours = stored == null ? [:] : wrote.findAll { key, value -> same(stored[key], value) && !same(former[key], value) }
        if (!ours) return
        remember(stored + ours.collectEntries { key, value -> [key, former[key]] })
        try { save() } finally { remember(now) }
    }
}

/** A change that undoes itself unless it is confirmed. Disk changes only at the confirmation, so a restart alone brings back what was before. */
class Trial {
    static final String FILE = 'trial.json'
    static final int RETRY_SECONDS = 2

    /** The open trial of this run of Jenkins. Kept in memory too: whoever deletes or damages the file does not make an unconfirmed change last. */
    static Map getOpen() {
        if (Shared.state.trial != null) return Shared.state.trial
        def kept = Store.read(FILE)
        kept?.session == Jenkins.SESSION_HASH && kept.id != Shared.state.lastTrial?.id ? kept : null
    }

    /**
     * The journal is on disk before the first change. wanted: settings {enabled, securityQuestions, emailOTP, mail; what is absent stays},
     * gate (its configuration), or absent to leave the gate as it is; owner, deletionPolicy: what the confirmation writes into state.json.
     */
    static void begin(String id, long seconds, Map wanted, Code code) {
        synchronized (Shared.chain) {
            if (Jenkins.get().quietingDown) throw new QuietingDown('Jenkins is about to shut down')
            recover()
            if (open != null && open.until <= System.currentTimeMillis()) end(open.id, 'expired') // its timer is late, or was lost
            if (open != null) throw new TrialPending("trial ${open.id} is still pending")
            def left = Shared.state.untidy
            if (left != null && !tidyUp(left.journal.id)) throw new NotPersisted("what trial ${left.journal.id} left on disk cannot be cleared away")
            State.claim(wanted.owner, wanted.takeOver)
            BreakGlass.forgetLeftNote()
            wanted = wanted + [settings: Settings.completed(wanted.settings)]
            if (wanted.gate != null) Gate.rehearsed(wanted.gate) // only code that has passed its rehearsal is found by the next start
            def journal = [id: id, until: System.currentTimeMillis() + seconds * 1000, session: Jenkins.SESSION_HASH, phase: 'open', before: standing(), wrote: wanted]
            Store.write(FILE, journal)
            Shared.state.trial = journal
            try {
                schedule(id, seconds)
                if (wanted.gate != null) {
                    code.keep()
                    Gate.install(wanted.gate, code.digest)
                }
                Settings.remember(wanted.settings)
                if (wanted.settings.containsKey('enabled') && !BreakGlass.open) Settings.setLive(wanted.settings.enabled)
            } catch (Throwable problem) {
                end(id, 'failed')
                throw problem
            }
            Shared.log("trial $id: begun, undone in $seconds s unless confirmed")
        }
    }

    /** What an undo goes back to. In a break-glass the live flag counts as what it will be when that is over. */
    static Map standing() {
        [live: BreakGlass.open ? Layers.config.enableTfa : Layers.live[Layers.LIVE], memory: Layers.memory(), disk: Layers.disk(), digest: Settings.digest(),
         gate: Shared.state.config?.raw, storedGate: storedGate, startup: Store.startup.file]
    }

    static Map getStoredGate() { try { Store.read(Gate.FILE) } catch (NoteDamaged damaged) { null } }

    static void schedule(String id, long seconds) {
        def task = { -> end(id, 'expired') } as Runnable
        Shared.state.trialTimer = Timer.get().schedule(task, seconds, TimeUnit.SECONDS)
    }

    /**
     * Compare-and-set on the id: 'Confirmed' (also when it was confirmed before), 'Expired' (over, and undone), 'Overtaken' (somebody has changed
     * what it wrote, so what was probed is not what would be saved; undone) or 'Unknown'.
     */
    static String confirm(String id) {
        synchronized (Shared.chain) {
            if (Shared.state.trial == null) recover()
            def journal = open, last = Shared.state.lastTrial
            if (journal?.id != id) return last?.id != id ? 'Unknown' : (last.outcome == 'confirmed' ? 'Confirmed' : 'Expired')
            if (journal.until <= System.currentTimeMillis()) { end(id, 'expired'); return 'Expired' }
            if (!stands(journal)) { end(id, 'overtaken'); return 'Overtaken' }
            try {
                Store.write(FILE, journal + [phase: 'confirmed']) // from here on a crash leads forward
                keep(journal)
            } catch (Throwable problem) {
                end(id, 'failed')
                throw problem
            }
            close(journal, 'confirmed')
            'Confirmed'
        }
    }

    static boolean stands(Map journal) {
        def wrote = journal.wrote
        Settings.holds(wrote.settings) && (wrote.gate == null || Shared.state.config?.raw == wrote.gate) &&
            (!wrote.settings.containsKey('enabled') || BreakGlass.open || Layers.live[Layers.LIVE] == wrote.settings.enabled)
    }

    /** Everything that a confirmed trial leaves on disk. */
    static void keep(Map journal) {
        Settings.save()
        if (journal.wrote.gate != null) Store.write(Gate.FILE, journal.wrote.gate)
        State.confirmed(journal)
    }

    /** Undoes a pending trial. Returns whether it was pending. An undo that fails is tried again, and the journal stays for the next start. */
    static boolean end(String id, String outcome) {
        synchronized (Shared.chain) {
            if (Shared.state.trial == null) recover()
            def journal = open
            if (journal?.id != id) return false
            Throwable first = null
            for (step in [{ Settings.undo(journal.wrote.settings, journal.before) }, { undoGate(journal) }]) { // one that fails does not keep the other from being done
                try { step() } catch (Throwable problem) { first = first ?: problem }
            }
            if (first != null) {
                Shared.log("trial $id could not be undone, trying again", first)
                schedule(id, RETRY_SECONDS)
                throw first
            }
            close(journal, outcome)
            true
        }
    }

    static void undoGate(Map journal) {
        def before = journal.before, gate = journal.wrote.gate
        if (gate == null) return
        if (Shared.state.config?.raw == gate) before.gate == null ? Gate.remove() : Gate.reconfigure(before.gate)
    }

    /** Disk as it was: settings that somebody saved meanwhile, what a confirmation left that failed half-way, and a start-up file that nothing needs. */
    static void undoFiles(Map journal) {
        def before = journal.before, gate = journal.wrote.gate
        Settings.purge(journal.wrote.settings, before)
        if (gate == null || !before.containsKey('storedGate')) return
        if (before.storedGate != gate && storedGate == gate) before.storedGate == null ? Store.delete(Gate.FILE) : Store.write(Gate.FILE, before.storedGate)
        if (!before.startup && !Store.file(Gate.FILE).file && !Store.file(BreakGlass.FILE).file) java.nio.file.Files.deleteIfExists(Store.startup.toPath())
    }

    static void close(Map journal, String outcome) {
        def state = Shared.state
        state.remove('trial')
        state.remove('trialTimer')?.cancel(false)
        state.lastTrial = [id: journal.id, outcome: outcome, at: System.currentTimeMillis()]
        state.untidy = [journal: journal, undone: outcome != 'confirmed']
        Shared.log("trial $journal.id: $outcome")
        tidyUp(journal.id)
    }

    /** The trial is over; what it left on disk goes with its journal, later if the disk does not allow it now. Returns whether all is done. */
    static boolean tidyUp(String id) {
        synchronized (Shared.chain) {
            def left = Shared.state.untidy
            if (left?.journal?.id != id) return true
            try {
                if (left.undone) undoFiles(left.journal)
                Store.delete(FILE)
                Store.tidy()
                Shared.state.remove('untidy')
                return true
            } catch (IOException | NotPersisted | NoteDamaged problem) {
                Shared.log("trial $id: what it left on disk cannot be cleared away, trying again", problem)
                def task = { -> tidyUp(id) } as Runnable
                Timer.get().schedule(task, RETRY_SECONDS, TimeUnit.SECONDS)
                return false
            }
        }
    }

    /** The stored configuration of the gate; that of a trial which is undone, but could not be cleared away on disk yet, is not used. */
    static Map withoutRemains(Map stored) {
        def left = Shared.state.untidy
        left?.undone && left.journal.wrote.gate == stored ? left.journal.before.storedGate : stored
    }

    /**
     * A journal of a former run of Jenkins: a confirmed trial is brought to its end, or undone where the disk does not allow that; any other is over (the
     * restart has undone it).
     */
    static void recover() {
        synchronized (Shared.chain) {
            def journal = Store.read(FILE)
            if (journal == null || journal.session == Jenkins.SESSION_HASH) return
            if (journal.phase == 'confirmed') {
                def found = Layers.memory().subMap(journal.wrote.settings.keySet())
                try {
                    Settings.remember(journal.wrote.settings)
                    keep(journal)
                } catch (Throwable problem) { // half of it, settings without their gate, was never proven: it is undone as if nobody had confirmed it
                    Shared.log("trial ${journal.id}: was confirmed, but cannot be brought to its end", problem)
                    Settings.remember(found)
                    Settings.forget(journal.wrote.settings, journal.before)
                    if (!BreakGlass.open) Settings.setLive(Layers.config.enableTfa)
                    close(journal, 'failed')
                    return
                }
                if (journal.wrote.settings.containsKey('enabled') && !BreakGlass.open) Settings.setLive(journal.wrote.settings.enabled)
                close(journal, 'confirmed')
                return
            }
            if (Settings.stored) Settings.forget(journal.wrote.settings, journal.before)
            close(journal, 'restarted')
        }
    }
}

/** What must outlive Kubernetes: who manages this Jenkins, what it was like before, what to do at the end, which drift was corrected, which break-glass was used. */
class State {
    static final String FILE = 'state.json'
    static final long HOUR = 3600_000L

    static void claim(Map owner, takeOver) {
        def mine = Store.read(FILE)?.owner
        if (mine == null || owner == null || mine.instance == owner.instance && mine.cluster == owner.cluster || mine.cluster == 'command-line') return
        if (takeOver != "${mine.cluster}/${mine.instance}") throw new OwnedElsewhere("${mine.cluster}/${mine.instance}")
    }

    static void confirmed(Map journal) {
        if (journal.wrote.owner == null) return
        update { state ->
            if (state.trial == journal.id) return // a crash came between this file and the end of the trial
            state.trial = journal.id
            if (state.restorePoint == null && !foundOurs(journal)) state.restorePoint = journal.before
            if (state.owner?.desired != journal.wrote.owner.desired) state.remove('corrections') // another wish: another count
            state.owner = journal.wrote.owner
            state.deletionPolicy = journal.wrote.deletionPolicy
            if (journal.wrote.gate != null) state.operator = journal.wrote.gate.operator
            count(state, journal.wrote.corrects ?: [])
        }
    }

    /** Notes that drift of these paths is corrected now; what is older than an hour goes. */
    static void count(Map state, Collection paths) {
        def now = System.currentTimeMillis()
        def corrections = (state.corrections ?: [:]).collectEntries { path, times -> [path, times.findAll { it > now - HOUR }] }.findAll { it.value }
        paths.each { corrections[it] = (corrections[it] ?: []) + now }
        state.corrections = corrections
    }

    /** Whether our gate ran before this trial already: state.json was lost, and what is there now is our own doing, not what was before us. */
    static boolean foundOurs(Map journal) { journal.wrote.gate != null && journal.before.gate != null }

    /** Without a restore point only the gate would go, and with 2FA on that locks out whom it let in. */
    static void insistOnRestorePoint() {
        def state = Store.read(FILE)
        if (state?.restorePoint != null || (state?.owner == null && Shared.state.config == null)) return
        throw new NothingToRestore('what this Jenkins was like before us is not known (state.json was lost, or never had it)')
    }

    /** The account whose way in was confirmed last: what a damaged gate.json does not take away, so that somebody can put it right. */
    static String getOperator() { try { Store.read(FILE)?.operator } catch (NoteDamaged damaged) { null } }

    static void update(Closure change) {
        def state = Store.read(FILE) ?: [:]
        change(state)
        Store.write(FILE, state)
    }
}

/** 2FA off until a time. Only the live flag is touched: disk and memory keep saying "on", so every failure ends it early. */
class BreakGlass {
    static final String FILE = 'break-glass.json'
    static final int MOST_REASONS = 50

    /**
     * Until the earlier of `until` and the time that this reason was first seen plus the longest allowed. One reason is good for one break-glass:
     * once that time is over it does not start anew. Returns the time, or null when the reason is spent. `times`: those to be kept, given that time.
     */
    static Long open(long until, String reason, long longest, Code code, Closure times) {
        synchronized (Shared.chain) {
            def now = System.currentTimeMillis(), used = Store.read(State.FILE)?.breakGlass?.used ?: [:]
            def first = used[reason] ?: now
            def end = Math.min(until, (long) first + longest)
            if (end <= now) return null
            if (code != null) code.keep() // before the first change: a restart has to find the code that ends it
            def kept = (used + [(reason): first]).sort { -it.value }.take(MOST_REASONS), former = current()
            Store.write(FILE, [until: end, reason: reason]) // first: a reason that is spent, and was never good for anything, would be refused for ever
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

    /** In this run of Jenkins, with its timer. A note that a restart has left without our start-up file opens nothing: 2FA is on again. */
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
        Settings.setLive(false)
        def task = { -> close(until) } as Runnable
        Shared.state.breakGlassUntil = until
        Shared.state.breakGlassTimer = Timer.get().schedule(task, Math.max(0, until - System.currentTimeMillis()), TimeUnit.MILLISECONDS)
    }

    /** The note of the one that is open, or null. A note that cannot be read is over: on is the safe side. */
    static Map current() { try { Store.read(FILE) } catch (NoteDamaged damaged) { [:] } }

    /**
     * With a time: only if that is still the one in force (an extension leaves an old timer behind for a moment). That is kept in memory, since whoever
     * deletes or damages the note does not make it last.
     */
    static boolean close(Long until = null) {
        synchronized (Shared.chain) {
            if (until == null ? !isOpen() && current() == null : until != Shared.state.breakGlassUntil) return false
            Settings.setLive(Layers.config.enableTfa)
            Shared.state.remove('breakGlassTimer')?.cancel(false)
            Shared.state.remove('breakGlassUntil')
            forgetLeftNote()
            Shared.log('break-glass: over, 2FA is on again')
            true
        }
    }

    /** Without a break-glass the live flag follows memory, which also ends the one restart that configuration-as-code lags behind. */
    static void atStartup() {
        def open = current()
        if (open && open.until > System.currentTimeMillis()) arm(open.until)
        else { Settings.setLive(Layers.config.enableTfa); forgetLeftNote() }
    }
}

/** A mark that reads "true" only in the thread of a request that let itself in: two requests on one session do not share it. */
class RequestPass {
    final ThreadLocal admitted = new ThreadLocal()

    String toString() { String.valueOf(admitted.get() == true) }
}

/**
 * Puts what is ours into sessions, and takes it out of all of them at the end: Jenkins has no list of its sessions. Held weakly, so a session that is over goes by itself;
 * beyond MOST, marks of the others stay, and are void like all.
 */
class Marks {
    static final int MOST = 20_000

    private final Map sessions = new WeakHashMap()
    private boolean over

    /** Not after the end: a request that is still on its way leaves nothing. */
    synchronized void put(session, String name, value) {
        if (over) return
        if (sessions.size() < MOST) sessions.put(session, true)
        session.setAttribute(name, value)
    }

    void takeAll() {
        List held
        synchronized (this) { over = true; held = sessions.keySet() as List }
        held.each { session ->
            try {
                for (name in session.attributeNames.toList()) if (isOurs(name, session.getAttribute(name))) session.removeAttribute(name)
            } catch (IllegalStateException ended) { } // with its session it is gone
        }
    }

    private static boolean isOurs(String name, value) { name.startsWith(Gate.SINCE) || (name.endsWith(Gate.VERIFIED) && Visit.isOurs(value)) }
}

/**
 * The filter before the plugin's filter. It marks the sessions of exempt users as verified with an object of its own, shared by all of them: the plugin
 * reads the mark by its text, so that setting the object to false voids every mark at once. A session mark, because Jenkins' crumb check (which comes
 * earlier) protects only sessions that it sees as verified. The operator and exempt API tokens get a mark for their request only: the same session may
 * also serve requests without the token.
 *
 * Configuration: operator (user id), enforcedGroups (null = everyone), exemptGroups, exemptTokens, strict, build {windowSeconds, once, words} or null.
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
            config = [strict: true, operator: confirmed]
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
         strict        : raw.strict ?: false,
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
        config.strict && !visit.wasVerified && !OpenPages.has(visit) && Layers.effective
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

/**
 * Puts the gate back when somebody has taken it out of a running Jenkins, or behind the plugin's filter, while people are asked: the operator is asked like them then, and nobody
 * outside could do it. Like any drift three times within an hour; then a person has to look. Who wants the gate gone says so: `jenkins2fa gate remove`.
 */
class Watch {
    static final int SECONDS = 2, MOST = 3

    private final AtomicBoolean failed = new AtomicBoolean()
    private final timer = Timer.get().scheduleWithFixedDelay({ -> look() } as Runnable, SECONDS, SECONDS, TimeUnit.SECONDS)

    void end() { timer.cancel(false) }

    /** A look that fails must not be the last one. */
    void look() {
        try {
            if (isAway()) synchronized (Shared.chain) { if (isAway()) putBack() }
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) Shared.log('whether the gate is in its place cannot be told', problem)
        }
    }

    private boolean isAway() {
        def state = Shared.context.getAttribute(Shared.KEY), list = Shared.chain.list as List
        if (!this.is(state?.watch)) return false
        def at = list.findIndexOf { it.is(state.gate) }
        if (at == 0) return false
        def theirs = list.findIndexOf { Filters.isPlugins(it) }
        theirs >= 0 && (at < 0 || theirs < at) && Layers.effective
    }

    private void putBack() {
        def state = Shared.state, now = System.currentTimeMillis(), before = state.putBack ?: [count: 0, times: []], times = before.times.findAll { it > now - State.HOUR }
        if (times.size() >= MOST) return
        new Gate(state).enter()
        state.putBack = [count: before.count + 1, times: times + now]
        Shared.log("the gate was not before the plugin's filter any more, and is back${times.size() + 1 < MOST ? '' : "; not again within the hour that began at ${new Date((long) (times ? times[0] : now))}"}")
        if (Store.file(State.FILE).file) State.update { State.count(it, ['gate']) }
    }
}

/**
 * The path of a request below the context path. Stapler splits what the client wrote and decodes the parts afterwards; the container decodes first. So `segments` is Stapler's
 * reading, `plain` says that every reader sees the same, and `words` are all the segments that any reader could see.
 */
class Place {
    final String written
    final List<String> raw, segments
    final boolean sound, plain
    final Set<String> words

    Place(request) {
        String uri = request.requestURI, context = request.contextPath ?: ''
        def below = uri.startsWith(context + '/')
        written = below ? uri.substring(context.length()) : uri
        raw = written.split('/').findAll { it } as List
        sound = below && written ==~ /[\x21-\x7e]*/ && !(written =~ /[\\;]|%(?![0-9A-Fa-f]{2})/)
        segments = sound ? raw.collect { decode(it) } : []
        plain = sound && !written.contains('//') && segments.every { !(it in ['.', '..']) && !(it =~ /[\p{Cntrl}\uFFFD]/) }
        words = sound ? decode(written).split('[/\\\\;]') as Set : [] as Set
    }

    /** Whether a segment is written as it reads, without any escape. */
    boolean isLiteral(int at) { !raw[at].contains('%') }

    private static String decode(String text) { java.net.URLDecoder.decode(text.replace('+', '%2B'), 'UTF-8') }
}

/** What an unverified user may reach in strict mode: these very pages, and no others below them. */
class OpenPages {
    static final Set ASSETS = ['adjuncts', 'css', 'images', 'jsbundles', 'scripts', 'plugin', 'i18n', 'favicon.ico', 'favicon.svg', 'apple-touch-icon.png', 'mask-icon.svg'] as Set
    static final String FILE = /.+\.(css|js|mjs|map|json|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|eot|otf)/
    static final List FOR_EVERYBODY = [['login'], ['logout']]
    static final Map CHALLENGES = [securityQuestionAuth: [[], ['securityQuestionAuthenticate']], otpOverEmailAuth: [[], ['resendOtp'], ['saveOrValidateOtpOverEmailConfig']]]
    static final List ENROLMENT = [['tfaConfiguration'], ['securityQuestionConfig'], ['securityQuestionConfig', 'saveSecurityQuestion'], ['otpOverEmailConfig']]

    static boolean has(Visit visit) {
        def place = visit.place, path = place.segments
        if (isForEverybody(place, visit.request.method)) return true
        if (!place.plain || !path || !place.raw.indices.every { place.isLiteral(it) || (it == 1 && path[0] == 'user') }) return false
        if (path[0] == 'tfaUserAuth') return path.size() == 1 || isChallenge(visit.user, path[1], path.drop(2))
        if (path[0] == 'user') return path.size() > 2 && Jenkins.get().securityRealm.userIdStrategy.equals(path[1], visit.user.id) && isEnrolment(visit.user, path.drop(2))
        isEnrolment(visit.user, path) && path[0] == 'descriptorByName'
    }

    /** What no user is needed for: logging in and out, and static files. */
    static boolean isForEverybody(Place place, String method) {
        def path = place.segments
        if (!place.plain || !path || !place.raw.indices.every { place.isLiteral(it) }) return false
        if (path in FOR_EVERYBODY) return true
        if (path[0] == 'static') path = path.drop(2) // Jenkins serves /static/<anything>/<path> like /<path>
        path && path[0] in ASSETS && method in ['GET', 'HEAD'] && (path[0] == 'i18n' || path.last() ==~ FILE)
    }

    /** The challenge of a factor that the user has; by mail also for who has none yet, since that is how it is enrolled. */
    static boolean isChallenge(User user, String page, List rest) {
        if (!(rest in CHALLENGES[page])) return false
        def own = Factors.enrolled(user)
        page in own || (!own && page == 'otpOverEmailAuth' && page in Factors.enabled())
    }

    /** Only for who has no second factor yet: who has one gives it first. */
    static boolean isEnrolment(User user, List path) {
        def form = path.size() == 3 && path[0] == 'descriptorByName' && path[1] in Factors.DESCRIPTORS && path[2] ==~ /(fill|check)\w+/
        (form || path in ENROLMENT) && !Factors.enrolled(user)
    }
}

/** The plugin's factors, by the names of their challenge pages. */
class Factors {
    static final Map PROPERTIES = [securityQuestionAuth: 'tfaMethodsConfig.MoSecurityQuestionConfig', otpOverEmailAuth: 'tfaMethodsConfig.MoOtpOverEmailConfig']
    static final List DESCRIPTORS = PROPERTIES.values().collect { "io.jenkins.plugins.twofactor.jenkins.$it".toString() }

    static List<String> enabled() {
        def config = Layers.config
        [securityQuestionAuth: config.isEnableSecurityQuestionsAuthentication(), otpOverEmailAuth: config.isEnableOtpOverEmailAuthentication()].findAll { it.value }*.key
    }

    static List<String> enrolled(User user) { enabled().findAll { user.getProperty(Layers.load(PROPERTIES[it]))?.isConfigured() } }
}

/** Sends an unverified user to his own page of the plugin; the gate chooses it itself, so that no gap in the plugin's filter matters. */
class Challenge {
    static void send(Visit visit, response) {
        Relay.remember(visit)
        response.status = 302 // not sendRedirect, which would complete the place with what the client says is our host
        response.setHeader('Location', root(visit.request) + page(visit.user))
    }

    static String root(request) { Jenkins.get().rootUrl ?: request.contextPath + '/' }

    static String page(User user) {
        def own = Factors.enrolled(user)
        if (own.size() > 1) return 'tfaUserAuth/'
        own ? "tfaUserAuth/${own[0]}/" : "user/${java.net.URLEncoder.encode(user.id, 'UTF-8').replace('+', '%20')}/tfaConfiguration/"
    }
}

/** Where the plugin leads a user after his answers: the page that he wanted first, and never another host, whatever host a request names. */
class Relay {
    static final String KEY = 'tfaRelayState'

    static void remember(Visit visit) {
        if (visit.session.getAttribute(KEY) != null) return
        def place = visit.place, query = visit.request.queryString
        def rest = place.sound ? place.written.replaceFirst('^/+', '') + (query ==~ /[\x21-\x7e]+/ ? "?$query" : '') : ''
        visit.session.setAttribute(KEY, Challenge.root(visit.request) + rest)
    }

    /** What the plugin's own filter has kept names the host that the client named: only the path of that stays. */
    static void keepLocal(Visit visit) {
        def kept = visit.session.getAttribute(KEY)
        if (kept == null) return
        def root = Jenkins.get().rootUrl
        if (root && kept.toString().startsWith(root)) return
        def path = kept.toString().replaceFirst('^[A-Za-z][A-Za-z0-9+.-]*://[^/\\\\?#]*', '')
        if (!(path ==~ '/([^/\\\\\\p{Cntrl}][^\\\\\\p{Cntrl}]*)?')) visit.session.removeAttribute(KEY)
        else if (path != kept.toString()) visit.session.setAttribute(KEY, path)
    }
}

/** Which requests start a build: whatever any reader of the path could see in it counts, since Stapler ignores what follows an action. */
class BuildStart {
    static final List WORDS = ['build', 'buildWithParameters', 'rebuild', 'replay', 'retry', 'rerun', 'polling']

    static boolean isBegunBy(Visit visit, Set words) {
        def place = visit.place, seen = place.words, reads = visit.request.method in ['GET', 'HEAD']
        if (!reads) return !place.sound || seen.any { it in words } || 'cli' in seen || ['blue', 'runs'].every { it in seen } || ('restart' in seen && place.raw.size() > 1)
        if (['cli', 'ws'].every { it in seen }) return true // the command line over a web socket
        (!place.sound || seen.any { it in words }) && visit.request.getParameter('token') != null
    }
}

/** A request at which the gate has failed. In strict mode only the open pages and the sessions that the plugin has verified go on. Returns whether it was answered here. */
class AfterFault {
    static boolean answers(Map state, Visit visit, request, response) {
        try {
            if (!isStrict(state) || (visit != null && (visit.user == null || visit.verified))) return false
            if (visit == null ? OpenPages.isForEverybody(new Place(request), request.method) : OpenPages.has(visit) || !Layers.effective) return false
            if (visit != null) { Challenge.send(visit, response); return true }
        } catch (Throwable worse) {
            Shared.log('the gate failed twice at one request, which is refused', worse)
        }
        response.sendError(503, 'Whether a second factor is needed cannot be told at the moment')
        true
    }

    private static boolean isStrict(Map state) { try { state.config?.strict != false } catch (Throwable unknown) { true } }
}

/** One request of one user, and the mark in his session. */
class Visit {
    final request, session
    final User user = User.current()
    final Place place
    final long began = System.nanoTime()
    boolean wasVerified

    Visit(request) {
        this.request = request
        place = new Place(request)
        session = user == null ? null : request.session
    }

    String getKey() { user.id + Gate.VERIFIED }

    def getMark() { session.getAttribute(key) }

    void mark(marks, value) { if (!value.is(mark)) marks.put(session, key, value) }

    void unmark() { session.removeAttribute(key) }

    boolean isVerified() { Boolean.parseBoolean(String.valueOf(mark)) }

    boolean isOurs() { isOurs(mark) }

    static boolean isOurs(mark) { mark instanceof AtomicBoolean || mark?.class?.name == 'RequestPass' }

    /** Asks to be challenged like anybody else: can only strengthen, so anybody may send it. */
    boolean isProbe() { request.getHeader(Gate.PROBE) == 'challenge' }

    void dropOurMark() { if (user != null && ours) unmark() }
}

/**
 * The operator's look, answered here instead of by the script that the same request carries: no text to compile, no class left behind. It opens nothing: who may have it
 * is the operator's account with its token, at the script console, with the right that the console asks for. The header is compared and echoed, no more; whatever is not
 * as it must be leaves the request to the console, and so does another plugin's filter, which is to see every request.
 */
class Look {
    static final String HEADER = 'X-Jenkins2fa-Observe'
    /** SHA-256 of the script observe.groovy that this answers for; the operator fills it in. */
    static final String SCRIPT = ''

    private static final AtomicBoolean failed = new AtomicBoolean()

    /** The line to answer with, or null: then the request takes its ordinary way. The header: nonce, digest of the script, digest of the enforced groups. */
    static String answer(Map config, Visit visit) {
        def asked = visit.request.getHeader(HEADER)
        if (asked == null) return null
        try {
            def known = (asked ==~ /[0-9a-f]{16} [0-9a-f]{64} [0-9a-f]{64}/) && asked.substring(17) == "$SCRIPT $config.asked"
            if (!known || visit.probe || !Gate.isOperatorAtConsole(config, visit) || !Jenkins.get().hasPermission(Jenkins.ADMINISTER) || Filters.hasOthers()) return null
            return "@@2FA-gate ${asked.take(16)} ${JsonOutput.toJson(new Observation([groups: config.raw.enforcedGroups]).take())}\n"
        } catch (Throwable problem) {
            if (failed.compareAndSet(false, true)) Shared.log('the gate could not answer a look; the script console does', problem)
            return null
        }
    }

    static void send(response, String line) {
        response.status = 200
        response.contentType = 'text/plain;charset=utf-8'
        response.setHeader('X-Content-Type-Options', 'nosniff')
        response.setHeader('Cache-Control', 'no-store')
        response.outputStream.write(line.getBytes('UTF-8'))
    }
}

/** This very text: its digest says which version of the gate runs. */
class Code {
    /** The configuration that `jenkins2fa gate render` writes here (base64 of JSON) for a file that the site itself mounts; empty in the file that the operator keeps. */
    static final String EMBEDDED = ''

    final String text, digest

    Code(String text) { this.text = text; digest = sha256(text) }

    static String sha256(String text) { java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString() }

    static Map embedded() { EMBEDDED ? (Map) new JsonSlurperClassic().parseText(new String(EMBEDDED.decodeBase64(), 'UTF-8')) : null }

    void keep() { Store.keepCode(text) }
}

def atStartup = !binding.hasVariable('text')
def code = new Code(atStartup ? Store.startup.getText('UTF-8') : binding.text)
if (atStartup && Layers.present) {
    [trial: { Trial.recover() }, breakGlass: { BreakGlass.atStartup() }, gate: { Gate.atStartup(code) }].each { name, step ->
        try { step() } catch (Throwable problem) { Shared.log("$name failed at start-up", problem) }
    }
}
[code: code.digest, source: code, store: Store, shared: Shared, layers: Layers, settings: Settings, trial: Trial, state: State, breakGlass: BreakGlass, gate: Gate]
