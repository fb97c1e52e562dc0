"""A policy in the cluster is enforced in a running controller and stays enforced."""

from __future__ import annotations

import json

from tests.support.actions import is_off, is_on, switch_off, take_gate_out
from tests.support.gated import verified
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


def enforce(scene: Scene, jenkins: StandIn, **policy: object) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", **policy)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


def test_a_policy_is_enforced_and_proven(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    assert is_off(jenkins)
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    instance = scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False", Reconciling="False", Stalled="False")
    policy = scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed", Drifted="False", Reconciling="False", Stalled="False")
    assert is_on(jenkins)
    assert policy["status"]["instances"] == {"selected": 1, "governed": 1, "overridden": 0, "enforced": 1, "drifted": 0, "failing": 0}
    assert instance["status"]["policy"]["name"] == "baseline"
    assert {field["state"] for field in instance["status"]["fields"]} == {"Applied"}
    for body in (instance, policy):
        assert "finalizers" not in body["metadata"]
        assert "annotations" not in body["metadata"]
    wait_until(lambda: "Applied" in scene.events("build"), what="the Event about the change")


def test_drift_is_corrected(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    switch_off(jenkins)
    wait_until(lambda: is_on(jenkins), seconds=8, what="the drift is corrected within checkInterval")
    scene.wait("ji", "build", Enforced="True/Probed", Drifted="False/Corrected")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), what="the Event about the correction")
    assert "to switch 2FA off for a while, create a TwoFactorBreakGlass" in scene.notes("build")


def test_guesses_are_reported_without_user_names(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, apiTokens="Challenge")
    verified(jenkins, "alice")
    thief = jenkins.browser("alice")
    thief.login("alice-pw-1")
    page = "/tfaUserAuth/securityQuestionAuth/"
    form = {"json": '{"userFirstAuthenticationAnswer": "no", "userSecondAuthenticationAnswer": "no"}'}
    answers = [thief.status(page + "securityQuestionAuthenticate", "POST", data=form, headers=thief.page_crumb(page)) for _ in range(5)]
    assert answers == [302, 302, 302, 429, 429]
    wait_until(lambda: "AnswersLimited" in scene.events("build"), seconds=20, what="the Event about the guesses")
    names = [f"jenkins2fa_instance_{what}_answers_total" for what in ("wrong", "limited")]
    told = [operator.counted(name, jenkins_namespace=scene.namespace) for name in names]
    assert told == [3, 2]
    assert "alice" not in scene.notes("build") + json.dumps(scene.get("ji", "build")["status"])


def test_a_removed_gate_restores_itself_and_is_reported(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Even with driftPolicy Report: without its gate the operator could not observe anything."""
    enforce(scene, jenkins, driftPolicy="Report", apiTokens="Challenge")
    found = operator.counted("jenkins2fa_instance_drift_corrected_total", jenkins_namespace=scene.namespace)
    take_gate_out(jenkins)
    assert jenkins.browser("admin").script("print 1").status_code == 302
    wait_until(lambda: jenkins.browser("admin").script("print 1").status_code == 200, seconds=8, what="the operator gets in again")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=20, what="the Event about it")
    assert "has put itself back" in scene.notes("build")
    assert operator.counted("jenkins2fa_instance_drift_corrected_total", jenkins_namespace=scene.namespace) == found + 1
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False/NoDrift")
    assert scene.get("ji", "build")["status"]["gate"]["state"] == "InPlace"


def test_a_restarted_controller_is_proven_again(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    session = scene.get("ji", "build")["status"]["jenkins"]["session"]
    jenkins.restart()
    wait_until(lambda: scene.get("ji", "build")["status"]["jenkins"]["session"] != session, what="the new run is seen")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert is_on(jenkins)
