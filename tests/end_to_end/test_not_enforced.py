"""What the plugin's settings alone do not prove: no gate, a weak factor, an administrator without a log-in."""

from __future__ import annotations

from tests.support.actions import ANONYMOUS_ADMINISTERS, ANONYMOUS_DOES_NOT
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

SEED = "the-seed-of-these-tests-only-0123456789"


def test_without_a_gate_it_is_the_plugin_alone(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.secret("account", host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed=SEED)
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate={"mode": "None"})
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Ready="True/PluginAlone", Stalled="False", Enforced="False/PluginAlone", Drifted="False")
    body = scene.wait("tfp", "baseline", Ready="True/PluginAlone", Enforced="False/PluginAlone")
    assert body["status"]["summary"]["instances"] == "0/1"
    assert "set gate.mode: Managed" in scene.message("tfp", "baseline", "Enforced")
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate={"mode": "Managed"})
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")


def test_a_factor_below_the_minimum_assurance(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    scene.policy("baseline", minimumAssurance="AAL2")
    scene.wait("ji", "build", Ready="False/AssuranceNotMet", Stalled="True", Enforced="False/AssuranceNotMet")
    scene.wait("tfp", "baseline", Ready="False/AssuranceNotMet", Enforced="False/AssuranceNotMet")
    assert "SecurityQuestions" in scene.message("ji", "build", "Enforced")
    wait_until(lambda: "AssuranceNotMet" in scene.events("build"), what="the Event about it")
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


def test_anybody_may_administer(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    jenkins.groovy(ANONYMOUS_ADMINISTERS)
    scene.wait("ji", "build", Ready="False/AnonymousAdministers", Stalled="True", Enforced="False/AnonymousAdministers", Drifted="False")
    scene.wait("tfp", "baseline", Ready="False/AnonymousAdministers", Enforced="False/AnonymousAdministers")
    wait_until(lambda: "AnonymousAdministers" in scene.events("build"), what="the Event about it")
    jenkins.groovy(ANONYMOUS_DOES_NOT)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
