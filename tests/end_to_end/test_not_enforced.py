"""Settings alone prove nothing: no gate, a weak factor, anonymous administration."""

from __future__ import annotations

from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn

SEED = "the-seed-of-these-tests-only-0123456789"


def test_without_a_gate_the_reason_is_plugin_alone(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.secret("account", host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed=SEED)
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate={"mode": "None"})
    scene.policy("baseline", apiTokens="Challenge")
    scene.wait("ji", "build", Ready="True/PluginAlone", Stalled="False", Enforced="False/PluginAlone", Drifted="False")
    body = scene.wait("tfp", "baseline", Ready="True/PluginAlone", Enforced="False/PluginAlone")
    assert body["status"]["summary"]["instances"] == "0/1"
    assert "set gate.mode: Managed" in scene.message("tfp", "baseline", "Enforced")
    scene.instance("build", jenkins.url, credentialsRef={"name": "account"}, gate={"mode": "Managed"})
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")
