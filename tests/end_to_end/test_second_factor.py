"""The operator in a cluster gives the second factor by itself: gate.mode None and a Secret with secondFactorSeed."""

from __future__ import annotations

import pytest

from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

SEED = "the-seed-of-these-tests-only-0123456789"
OTHER_SEED = "quite-different-for-these-tests-9876543210"
WITHOUT_GATE = {"mode": "None"}
COUNT_ANSWERS = """
def counter = new java.util.concurrent.atomic.AtomicInteger()
jenkins.model.Jenkins.get().getServletContext().setAttribute('test.answers', counter)
def filter = [init: { }, destroy: { }, doFilter: { request, response, chain ->
    if (request.requestURI.endsWith('/securityQuestionAuthenticate')) counter.incrementAndGet()
    chain.doFilter(request, response)
}].asType(jakarta.servlet.Filter)
hudson.util.PluginServletFilter.addFilter(filter)
"""
ANSWERS = "println jenkins.model.Jenkins.get().getServletContext().getAttribute('test.answers').get()"
TURN_OFF = """
import io.jenkins.plugins.twofactor.jenkins.*
MoGlobalConfig.get().setEnableTfa(false)
MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false
"""


def secret(scene: Scene, jenkins: StandIn, seed: str, name: str = "account") -> None:
    scene.secret(name, host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed=seed)


def test_a_policy_is_enforced_without_a_gate(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    secret(scene, jenkins, SEED)
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate=WITHOUT_GATE)
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Enforced="False/PluginAlone", Ready="True")
    assert jenkins.browser("admin").status("/") == 302  # the operator's account is challenged like everybody
    jenkins.restart()
    jenkins.groovy(TURN_OFF)
    scene.annotate("ji", "build", "after-restart")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=20, what="the drift is corrected")
    scene.wait("ji", "build", Enforced="False/PluginAlone", Ready="True")
    assert SEED not in operator.text()


def test_exempt_users_are_not_challenged_for_lack_of_a_gate(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    secret(scene, jenkins, SEED)
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate=WITHOUT_GATE)
    scene.policy("baseline", apiTokens="Challenge", exemptGroups=["robots"])
    body = scene.wait("ji", "build", Ready="False/GateNeeded", Stalled="True", Enforced="False")
    assert "exemptGroups: cannot be had" in scene.message("ji", "build")
    states = {one["path"]: one["state"] for one in body["status"]["fields"]}
    assert [states["exemptGroups"], states["mode"]] == ["Unsupported", "Refused"]
    assert jenkins.browser("alice", "alice-pw-1").status("/") == 200
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Enforced="False/PluginAlone", Ready="True")
    scene.policy("baseline", apiTokens="Challenge", exemptGroups=["robots"])
    scene.wait("ji", "build", Enforced="False/PluginAlone", Ready="False/Unsupported")


def test_nothing_is_enabled_without_a_seed(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, gate=WITHOUT_GATE)
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Ready="False/OperatorLockedOut", Stalled="True")
    assert "secondFactorSeed" in scene.message("ji", "build")
    assert jenkins.browser("admin").status("/") == 200


def test_a_weak_seed_is_reported(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    secret(scene, jenkins, "weak")
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate=WITHOUT_GATE)
    scene.wait("ji", "build", Ready="False/SecretMissing", Stalled="True")
    assert "openssl rand" in scene.message("ji", "build")


@pytest.mark.own_jenkins
def test_a_wrong_seed_costs_one_answer_until_it_is_corrected(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    secret(scene, jenkins, SEED)
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate=WITHOUT_GATE)
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Enforced="False/PluginAlone")
    scene.delete("ji", "build")
    jenkins.groovy(COUNT_ANSWERS)
    secret(scene, jenkins, OTHER_SEED, name="later")
    scene.instance("again", jenkins.url, credentialsRef={"name": "later"}, gate=WITHOUT_GATE)
    scene.wait("ji", "again", Ready="False/SecondFactorRejected", Stalled="True")
    for look in range(3):
        scene.annotate("ji", "again", f"look-{look}")
        scene.wait("ji", "again", Ready="False/SecondFactorRejected", Stalled="True")
    assert jenkins.groovy(ANSWERS) == "1"
    secret(scene, jenkins, SEED, name="later")
    scene.annotate("ji", "again", "corrected")
    scene.wait("ji", "again", seconds=10, Ready="True", Enforced="False/PluginAlone")  # at once: otherwise a Secret is cached for a minute
    assert OTHER_SEED not in operator.text()
