"""What people do in a Jenkins behind the operator's back, by the plugin's own form."""

from __future__ import annotations

import json

from tests.support.standin import StandIn

OFF = {"formPage": "basicConfig", "enableTfa": False, "enableSecurityQuestion": True, "enableOtpOverEmail": {"senderEmailAddress": "a@b"}}
GATE_OUT = """
def context = jenkins.model.Jenkins.get().getServletContext()
def chain = hudson.util.PluginServletFilter.getInstance(context).list
chain.removeAll(chain.findAll { it.toString() == 'jenkins2fa-gate' })
"""
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
    """Out of the chain of filters of the running Jenkins. It puts itself back, unless it is ``for_good``."""
    jenkins.groovy(GATE_OUT + (NO_WATCH if for_good else ""))


def is_off(jenkins: StandIn) -> bool:
    """Whether an ordinary user gets in without a second factor."""
    return jenkins.browser("alice", "alice-pw-1").status("/") == 200


def is_settled(jenkins: StandIn) -> bool:
    """Whether 2FA is on, and confirmed: no trial is open."""
    return is_on(jenkins) and not (jenkins.home / "jenkins2fa" / "trial.json").exists()


def is_on(jenkins: StandIn) -> bool:
    """Whether an ordinary user is asked for a second factor."""
    return jenkins.browser("alice", "alice-pw-1").status("/") == 302
