"""Changes that people make in Jenkins without the operator, through the plugin's own form."""

from __future__ import annotations

import json

from tests.support.standin import StandIn

OFF = {"formPage": "basicConfig", "enableTfa": False, "enableSecurityQuestion": True, "enableOtpOverEmail": {"senderEmailAddress": "a@b"}}
CONTEXT = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
"""
GATE_OUT = (
    CONTEXT
    + """
def chain = hudson.util.PluginServletFilter.getInstance(context).list
chain.removeAll(chain.findAll { it.toString() == 'jenkins2fa-gate' })
"""
)
SAID = (
    CONTEXT
    + """
def load = { jenkins.pluginManager.uberClassLoader.loadClass("io.jenkins.plugins.twofactor.jenkins.$it") }
def said = false
try {
    def config = load('MoGlobalConfig').get()
    def factor = config.isEnableSecurityQuestionsAuthentication() || config.isEnableOtpOverEmailAuthentication()
    factor = factor || config.metaClass.hasProperty(config, 'enableDuoPush') // another edition, with factors of its own
    said = load('MoFilter').moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] && config.enableTfa && factor
} catch (ClassNotFoundException | NullPointerException absent) { }
def state = context.getAttribute('jenkins2fa')
print groovy.json.JsonOutput.toJson([said as boolean, state?.hold != null && state.breakGlassTimer == null && state.gate != null])
"""
)
_ANONYMOUS = """
import jenkins.model.Jenkins
import org.jenkinsci.plugins.matrixauth.*
def strategy = Jenkins.get().authorizationStrategy
def entry = new PermissionEntry(AuthorizationType.USER, 'anonymous')
"""
ANONYMOUS_ADMINISTERS = _ANONYMOUS + "strategy.add(Jenkins.ADMINISTER, entry)"
ANONYMOUS_DOES_NOT = _ANONYMOUS + "strategy.grantedPermissionEntries[Jenkins.ADMINISTER].remove(entry)"
NO_WATCH = "context.getAttribute('jenkins2fa').watch.end()"


def switch_off(jenkins: StandIn) -> None:
    """An administrator switches two-factor authentication off on the plugin's page."""
    admin = jenkins.browser("admin", "admin-pw-1")
    admin.call("/login")
    where = admin.place("/")
    if "tfaConfiguration" in where:
        admin.enrol()
    elif where:
        admin.second_factor()
    answer = admin.call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(OFF)}, headers=admin.crumb())
    assert answer.status_code == 302, answer.text[:300]
    assert is_off(jenkins)


def take_gate_out(jenkins: StandIn, *, for_good: bool = False) -> None:
    """Remove the gate from the filter chain of the running Jenkins. It restores itself, unless ``for_good``."""
    jenkins.groovy(GATE_OUT + (NO_WATCH if for_good else ""))


def is_off(jenkins: StandIn) -> bool:
    """Whether the plugin's settings are off and, unless the gate holds, an ordinary user gets in without a second factor."""
    said, held = _said(jenkins)
    return not said and _is_asked(jenkins) is held


def is_settled(jenkins: StandIn) -> bool:
    """Whether 2FA is on and no trial is open."""
    return is_on(jenkins) and not (jenkins.home / "jenkins2fa" / "trial.json").exists()


def is_on(jenkins: StandIn) -> bool:
    """Whether the plugin's settings are on and an ordinary user is challenged."""
    return _said(jenkins)[0] and _is_asked(jenkins)


def _said(jenkins: StandIn) -> tuple[bool, bool]:
    """The plugin's live flag and memory, and whether the gate challenges people regardless of both."""
    said, held = json.loads(jenkins.groovy(SAID))
    return said, held


def _is_asked(jenkins: StandIn) -> bool:
    status = jenkins.browser("alice", "alice-pw-1").status("/")
    assert status in (200, 302), status
    return status == 302
