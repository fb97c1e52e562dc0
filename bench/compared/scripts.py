"""What is put into Jenkins, or sent to it, for the ways that are no operator."""

from __future__ import annotations

SECTION = """unclassified:
  moGlobalConfig:
    enableTfa: {on}
    enableSecurityQuestionsAuthentication: true
"""
SETTERS = """import io.jenkins.plugins.twofactor.jenkins.*
def settings = MoGlobalConfig.get()
settings.setEnableTfa({on})
settings.setEnableSecurityQuestionsAuthentication(true)
settings.save()
"""
LIVE_FLAG_TOO = "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = {on}\n"
SAY = "println(settings.enableTfa ? 'on' : 'off')\n"
RUNS = "two-factor-runs.log"
JOB = """import jenkins.model.Jenkins
def home = Jenkins.get().rootDir, loader = Jenkins.get().pluginManager.uberClassLoader
def run = {
    def written = new StringWriter(), told
    try {
        new GroovyShell(loader, new Binding(out: new PrintWriter(written, true))).evaluate(new File(home, 'two-factor.groovy'))
        told = written.toString().trim()
    } catch (Throwable problem) { told = 'failed: ' + problem.class.simpleName }
    new File(home, '%s') << told + '\\n'
}
jenkins.util.Timer.get().scheduleAtFixedRate(run as Runnable, %d, %d, java.util.concurrent.TimeUnit.MILLISECONDS)
"""


def script(on: bool, *, live: bool) -> str:
    """As people write it: the setters and save(); with ``live`` also the flag that the filter reads."""
    return (SETTERS + (LIVE_FLAG_TOO if live else "") + SAY).replace("{on}", str(on).lower())


def section(on: bool) -> str:
    return SECTION.replace("{on}", str(on).lower())


def job(every: float) -> str:
    """A start-up script that has Jenkins' own timer run `two-factor.groovy` of the home every so many seconds, as a job does."""
    return JOB % (RUNS, every * 1000, every * 1000)
