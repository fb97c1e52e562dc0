"""A policy in the cluster is in force in a running Jenkins, and stays so."""

from __future__ import annotations

import json
import time

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


def test_policy_is_in_force_and_proven(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
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


def test_nothing_is_written_when_nothing_changes(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.wait("tfp", "baseline", Enforced="True/Probed")
    time.sleep(1.5)  # the policy's pass follows the instance's within a second
    before = [scene.get(*one) for one in (("ji", "build"), ("tfp", "baseline"))]
    events = scene.events("build") + scene.events("baseline")
    said = len(operator.text().splitlines())
    time.sleep(7)  # more than checkInterval
    after = [scene.get(*one) for one in (("ji", "build"), ("tfp", "baseline"))]
    assert [one["metadata"]["resourceVersion"] for one in after] == [one["metadata"]["resourceVersion"] for one in before]
    assert scene.events("build") + scene.events("baseline") == events
    assert [line for line in operator.text().splitlines()[said:] if scene.namespace in line and " INFO " in line] == []


def test_drift_made_in_jenkins_is_put_back(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    switch_off(jenkins)
    wait_until(lambda: is_on(jenkins), seconds=8, what="the drift is corrected within checkInterval")
    scene.wait("ji", "build", Enforced="True/Probed", Drifted="False/Corrected")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), what="the Event about the correction")
    assert "to switch it off for a while, open a break-glass" in scene.notes("build")


def test_guesses_are_told_without_names(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
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


def test_gate_that_is_taken_out_puts_itself_back_and_that_is_told(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Also where drift is only reported: without its gate the operator could not even look."""
    enforce(scene, jenkins, drift={"mode": "Report"}, apiTokens="Challenge")
    found = operator.counted("jenkins2fa_instance_drift_corrected_total", jenkins_namespace=scene.namespace)
    take_gate_out(jenkins)
    assert jenkins.browser("admin").script("print 1").status_code == 302
    wait_until(lambda: jenkins.browser("admin").script("print 1").status_code == 200, seconds=8, what="the operator gets in again")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=20, what="the Event about it")
    assert "has put itself back" in scene.notes("build")
    assert operator.counted("jenkins2fa_instance_drift_corrected_total", jenkins_namespace=scene.namespace) == found + 1
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False/NoDrift")
    assert scene.get("ji", "build")["status"]["gate"]["state"] == "InPlace"


def test_stage_of_the_first_enforcement_holds_back_no_correction(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.policy("baseline", rollout={"stage": "Report"})
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    switch_off(jenkins)
    wait_until(lambda: is_on(jenkins), seconds=8, what="the drift is corrected within checkInterval")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


def test_drift_is_only_told_with_drift_mode_report(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, drift={"mode": "Report"})
    switch_off(jenkins)
    scene.wait("ji", "build", Drifted="True", Enforced="False")
    policy = scene.wait("tfp", "baseline", Drifted="True", Enforced="False")
    assert policy["status"]["instances"]["drifted"] == 1
    assert is_off(jenkins)


def test_change_of_the_policy_is_applied_even_with_drift_mode_report(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, drift={"mode": "Report"})
    scene.policy("baseline", drift={"mode": "Report"}, enforcement="Off")
    scene.wait("ji", "build", Enforced="False/Off", Ready="True")
    assert is_off(jenkins)


def test_report_says_what_would_change_and_writes_nothing(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", enforcement="Report")
    scene.wait("ji", "build", Ready="True", Drifted="True", Enforced="False")
    scene.wait("tfp", "baseline", Ready="True", Drifted="True")
    assert "enforcement is off" in scene.message("ji", "build", "Drifted")
    assert is_off(jenkins)
    assert not (jenkins.home / "jenkins2fa").exists()


def test_nobody_knows_whether_a_suspended_policy_is_enforced(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.policy("baseline", suspend=True)
    scene.wait("ji", "build", Ready="True/Suspended", Enforced="Unknown/Suspended", Drifted="Unknown/Suspended")
    scene.wait("tfp", "baseline", Ready="True/Suspended", Enforced="Unknown/Suspended", Drifted="Unknown/Suspended")
    switch_off(jenkins)
    scene.annotate("ji", "build", "now")
    time.sleep(2)
    assert is_off(jenkins)
    assert "before that, Enforced was True (Probed)" in scene.message("ji", "build", "Enforced")
    scene.policy("baseline", suspend=False)
    wait_until(lambda: is_on(jenkins), what="it is put back as soon as the policy is not suspended any more")


def test_a_policy_suspended_over_trouble_is_done_and_still_says_trouble(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn
) -> None:
    scene.instance("build", jenkins.url, credentialsRef={"name": "missing"})
    scene.policy("baseline")
    scene.wait("tfp", "baseline", Ready="False/SecretMissing", Stalled="True")
    scene.policy("baseline", suspend=True)
    scene.wait("ji", "build", Ready="False/Suspended", Stalled="True/SecretMissing", Reconciling="False")
    scene.wait("tfp", "baseline", Ready="False/Suspended", Stalled="True/Suspended", Reconciling="False")


def test_restarted_jenkins_is_proven_anew(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    session = scene.get("ji", "build")["status"]["jenkins"]["session"]
    jenkins.restart()
    wait_until(lambda: scene.get("ji", "build")["status"]["jenkins"]["session"] != session, what="the new run is seen")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert is_on(jenkins)


def test_starting_jenkins_is_looked_at_every_second(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, checkInterval="1h")
    scene.policy("baseline")
    scene.wait("ji", "build", Enforced="True/Probed")
    jenkins.faults(unavailableSeconds=4)
    scene.annotate("ji", "build", "1")
    scene.wait("ji", "build", Ready="False/Starting", Reconciling="True/Starting", Stalled="False", Enforced="Unknown")
    scene.wait("ji", "build", seconds=7, Ready="True", Enforced="True/Probed")


def test_annotation_asks_for_a_pass_now(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, checkInterval="1h")
    scene.policy("baseline")
    scene.wait("ji", "build", Enforced="True/Probed")
    switch_off(jenkins)
    scene.annotate("tfp", "baseline", "now")
    wait_until(lambda: is_on(jenkins), seconds=5, what="a policy's annotation reaches its instances")
    switch_off(jenkins)
    scene.annotate("ji", "build", "now")
    wait_until(lambda: is_on(jenkins), seconds=5, what="an instance's annotation is heard")


def test_unsupported_field_is_said_and_the_rest_is_applied(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", rememberDevice="12h")
    instance = scene.wait("ji", "build", Ready="False/Unsupported", Stalled="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="False/Unsupported", Stalled="True", Enforced="True/Probed")
    states = {field["path"]: field["state"] for field in instance["status"]["fields"]}
    assert (states["rememberDevice"], states["enforcement"]) == ("Unsupported", "Applied")
    assert is_on(jenkins)
