"""Canary accounts: alone, without administration rights, and beside the operator's own observation."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.actions import is_on, switch_off
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn

CANARY: list[dict[str, Any]] = [{"name": "person", "expect": "Challenged", "secretRef": {"name": "canary"}}]
BOTH = [*CANARY, {"name": "robot", "expect": "Exempt", "secretRef": {"name": "robot"}}]


@pytest.fixture
def canaries(scene: Scene, jenkins: StandIn) -> Scene:
    """Secrets of two ordinary accounts; with passwords, since API tokens are exempt."""
    for name, user in (("canary", "alice"), ("robot", "bob")):
        scene.credentials(jenkins.url, f"{user}-pw-1", name=name, username=user)
    return scene


def probe_only(scene: Scene, jenkins: StandIn, canaries: object = CANARY) -> None:
    scene.instance("build", jenkins.url, access="ProbeOnly", credentialsRef=None, gate=None, canaries=canaries)


def test_a_canary_alone_proves_enforcement(operator: OperatorProcess, canaries: Scene, jenkins: StandIn) -> None:
    scene, home = canaries, set(jenkins.home.rglob("*"))
    scene.policy("baseline")
    probe_only(scene, jenkins)
    scene.wait("ji", "build", Ready="False/Bypassed", Enforced="False/Bypassed", Drifted="Unknown/NotObserved", Stalled="True/Bypassed")
    scene.wait("tfp", "baseline", Ready="False/Bypassed", Enforced="False/Bypassed")
    assert not {one for one in set(jenkins.home.rglob("*")) - home if "jenkins2fa" in one.parts}, "nothing is written"


def test_conditions_follow_changes_in_jenkins(operator: OperatorProcess, canaries: Scene, jenkins: StandIn) -> None:
    scene = canaries
    scene.instance("build", jenkins.url)
    scene.policy("baseline", exemptGroups=["bots"], driftPolicy="Report")  # the gate follows the plugin
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    probe_only(scene, jenkins)
    body = scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed", Drifted="Unknown/NotObserved")
    assert "canary" in scene.message("ji", "build", "Enforced")
    assert body["status"]["policy"]["name"] == "baseline"
    assert "fields" not in body["status"] or not body["status"]["fields"]
    probe_only(scene, jenkins, BOTH)
    scene.wait("ji", "build", Ready="False/ExemptChallenged", Enforced="Unknown/ExemptChallenged")
    probe_only(scene, jenkins)
    switch_off(jenkins)
    scene.wait("ji", "build", Ready="False/Bypassed", Enforced="False/Bypassed")


def test_a_canarys_wrong_password_is_not_sent_repeatedly(operator: OperatorProcess, canaries: Scene, jenkins: StandIn) -> None:
    scene = canaries
    scene.credentials(jenkins.url, "wrong", name="canary", username="alice")
    probe_only(scene, jenkins)
    scene.wait("ji", "build", Ready="False/Unauthorized", Stalled="True", Enforced="Unknown/Unauthorized")
    assert "canary person" in scene.message("ji", "build")
    scene.credentials(jenkins.url, "alice-pw-1", name="canary", username="alice")
    scene.annotate("ji", "build", "renewed")
    scene.wait("ji", "build", Ready="False/Bypassed")
    assert scene.get("ji", "build")["status"]["lastHandledReconcileAt"] == "renewed"


def test_a_canary_beside_the_operators_probe_must_be_challenged(operator: OperatorProcess, canaries: Scene, jenkins: StandIn) -> None:
    scene = canaries
    scene.credentials(jenkins.url, jenkins.tokens["alice"], name="canary", username="alice")  # exempt, being a token
    scene.instance("build", jenkins.url, canaries=CANARY)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/Bypassed", Enforced="False/Bypassed")
    assert "canary person" in scene.message("ji", "build")
    assert is_on(jenkins)
    scene.kube.kubectl("delete", "secret", "canary", "-n", scene.namespace)
    scene.instance("build", jenkins.url, canaries=[{**CANARY[0], "secretRef": {"name": "missing"}}])
    scene.annotate("ji", "build", "without-a-secret")
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")
    assert "canary person: no Secret missing" in scene.message("ji", "build"), "its own probe counts, and the canary's failure is reported"


def test_an_exempt_canary_and_its_evidence_are_reported(operator: OperatorProcess, canaries: Scene, jenkins: StandIn) -> None:
    scene, before = canaries, len(operator.text())
    scene.instance("build", jenkins.url, canaries=BOTH)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/ExemptChallenged", Stalled="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="False/ExemptChallenged", Enforced="True")
    fields = {one["path"]: one for one in scene.get("ji", "build")["status"]["fields"]}
    assert "a canary that expects Exempt was challenged" in fields["apiTokens"]["message"]
    lines = [json.loads(found) for found in re.findall(r"evidence (\{.*\})", operator.text()[before:])]
    mine = [line for line in lines if line["url"].startswith(jenkins.url)]
    assert {line["account"] for line in mine} == {"self", "challenged", "exempt"}
    assert not re.search("alice|bob|pw-1", json.dumps(mine))
