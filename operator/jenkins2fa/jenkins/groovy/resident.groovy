/*
 * The part of the operator that stays inside Jenkins: the gate, the undo of an unconfirmed trial, the end of a
 * break-glass.
 *
 * Lives in $JENKINS_HOME/init.groovy.d/jenkins2fa.groovy and runs at every start; the operator also has it
 * evaluated through the script console, with the binding `text` (the file's own text), and uses the classes that
 * it returns. The text never changes with the settings: what to do is in the JSON files of
 * $JENKINS_HOME/jenkins2fa. Works with javax.servlet and jakarta.servlet. Every class has one job. To take it out:
 * `jenkins2fa gate remove`, or delete this file and the folder $JENKINS_HOME/jenkins2fa and restart.
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
import java.util.logging.Level
import java.util.logging.Logger
import jenkins.model.Jenkins
import jenkins.util.Timer

// include gate/refusals.groovy

// include gate/store.groovy

// include gate/shared.groovy

// include gate/page.groovy

// include gate/plugin.groovy

// include premium.groovy

// include gate/mini_orange.groovy

// include gate/open_mfa.groovy

// include filters.groovy

// include observation.groovy

// include gate/settings.groovy

// include gate/recent.groovy

// include gate/hold.groovy

// include gate/trial.groovy

// include gate/state.groovy

// include gate/break_glass.groovy

// include gate/marks.groovy

// include gate/session_record.groovy

// include gate/attempts.groovy

// include gate/gate.groovy

// include gate/watch.groovy

// include gate/place.groovy

// include gate/static_files.groovy

// include gate/open_pages.groovy

// include gate/factor_change.groovy

// include gate/crumb_check.groovy

// include gate/answers.groovy

// include gate/challenge.groovy

// include gate/relay.groovy

// include gate/build_start.groovy

// include gate/factor_reset.groovy

// include gate/after_fault.groovy

// include gate/visit.groovy

// include gate/look.groovy

// include gate/code.groovy

def atStartup = !binding.hasVariable('text')
def code = new Code(atStartup ? Store.startup.getText('UTF-8') : binding.text)
if (atStartup) {
    def steps = [hold: { Hold.atStartup() }]
    if (Plugin.current.present) {
        steps = [trial: { Trial.recover() }, breakGlass: { BreakGlass.atStartup() }] + steps
        steps.gate = { Gate.atStartup(code) }
    }
    steps.each { name, step ->
        try { step() } catch (Throwable problem) { Shared.log("$name failed at start-up", problem) }
    }
}
[code: code.digest, source: code, store: Store, attempts: Attempts, shared: Shared, plugin: Plugin, trial: Trial,
 state: State, breakGlass: BreakGlass, factorReset: FactorReset, gate: Gate]
