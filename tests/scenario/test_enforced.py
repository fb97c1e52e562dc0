"""A policy in the cluster is enforced in a running controller and stays enforced."""

from __future__ import annotations

from typing import Any

from tests.support.fleet.jenkins import Reply
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World


def enforce(world: World, jenkins: FakeController, *, interval: str = "5s", **policy: Any) -> State:
    world.instance("build", jenkins.url, checkInterval=interval)
    state = world.policy("baseline", **policy)
    state.expect("ji", "build", Ready="True", Enforced="True/Probed")
    return state


def test_a_policy_is_enforced_and_proven(world: World, jenkins: FakeController) -> None:
    assert jenkins.is_off
    state = enforce(world, jenkins)
    settled = {"Ready": "True", "Enforced": "True/Probed", "Drifted": "False", "Reconciling": "False", "Stalled": "False"}
    instance, policy = state.expect("ji", "build", **settled), state.expect("tfp", "baseline", **settled)
    assert jenkins.is_on
    assert policy["instances"] == {"selected": 1, "governed": 1, "overridden": 0, "enforced": 1, "drifted": 0, "failing": 0}
    assert instance["policy"]["name"] == "baseline"
    assert set(state.fields("build").values()) == {"Applied"}
    for body in state.objects.values():
        assert not {"finalizers", "annotations"} & set(body["metadata"])
    assert "Applied" in state.reasons("build")


def test_nothing_is_written_when_nothing_changes(world: World, jenkins: FakeController) -> None:
    before = enforce(world, jenkins)
    trial = jenkins.jenkins.last_trial
    asked = len(world.cluster.requests)
    assert world.pass_time(60.0) == before
    assert jenkins.jenkins.last_trial == trial
    assert {request.method for request in world.cluster.requests[asked:]} <= {"GET"}


def test_an_observation_without_changes_sends_no_request_to_the_api_server(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.pass_time(10.0)
    asked, looked = len(world.cluster.requests), len(jenkins.asked)
    world.pass_time(20.0)
    assert len(jenkins.asked) - looked == 4, "one request for each interval"
    assert [one.path for one in world.cluster.requests[asked:] if "/jenkinsinstances/" in one.path] == []


def test_drift_is_corrected(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    jenkins.switch_off()
    state = world.pass_time(6.0)
    assert jenkins.is_on
    state.expect("ji", "build", Enforced="True/Probed", Drifted="False/Corrected")
    assert "DriftCorrected" in state.reasons("build")
    assert "to switch 2FA off for a while, create a TwoFactorBreakGlass" in state.notes("build")


def test_drift_is_corrected_during_the_first_enforcement(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.policy("baseline", rollout={"graceUntil": "2099-01-01T00:00:00Z"}).expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    jenkins.switch_off()
    world.pass_time(6.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert jenkins.is_on


def test_drift_is_only_reported_with_drift_policy_report(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, driftPolicy="Report")
    jenkins.switch_off()
    state = world.pass_time(10.0)
    state.expect("ji", "build", Drifted="True", Enforced="False")
    assert state.expect("tfp", "baseline", Drifted="True", Enforced="False")["instances"]["drifted"] == 1
    assert jenkins.is_off


def test_a_policy_change_is_applied_with_drift_policy_report(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, driftPolicy="Report")
    world.policy("baseline", driftPolicy="Report", mode="Disabled").expect("ji", "build", Enforced="False/Disabled", Ready="True")
    assert jenkins.is_off


def test_audit_reports_what_would_change_and_writes_nothing(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    state = world.policy("baseline", mode="Audit")
    state.expect("ji", "build", Ready="True", Drifted="True", Enforced="False")
    state.expect("tfp", "baseline", Ready="True", Drifted="True")
    assert "mode is off" in state.message("ji", "build", "Drifted")
    assert jenkins.is_off
    assert not jenkins.files


def test_enforcement_of_a_suspended_policy_is_unknown(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    state = world.policy("baseline", suspend=True)
    for kind, name in (("ji", "build"), ("tfp", "baseline")):
        state.expect(kind, name, Ready="True/Suspended", Enforced="Unknown/Suspended", Drifted="Unknown/Suspended")
    jenkins.switch_off()
    state = world.annotate("ji", "build", "now")
    assert jenkins.is_off
    assert "before that, Enforced was True (Probed)" in state.message("ji", "build", "Enforced")
    world.policy("baseline", suspend=False)
    assert jenkins.is_on, "drift is corrected as soon as the policy is resumed"


def test_a_policy_suspended_during_a_failure_still_reports_it(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, credentialsRef={"name": "missing"})
    world.policy("baseline").expect("tfp", "baseline", Ready="False/SecretMissing", Stalled="True")
    state = world.policy("baseline", suspend=True)
    state.expect("ji", "build", Ready="False/Suspended", Stalled="True/SecretMissing", Reconciling="False")
    state.expect("tfp", "baseline", Ready="False/Suspended", Stalled="True/Suspended", Reconciling="False")


def test_a_restarted_controller_is_proven_again(world: World, jenkins: FakeController) -> None:
    session = enforce(world, jenkins).status("ji", "build")["jenkins"]["session"]
    probes = jenkins.asked.count("GET /")
    jenkins.restart()
    state = world.pass_time(10.0)
    assert state.expect("ji", "build", Ready="True", Enforced="True/Probed")["jenkins"]["session"] != session
    assert jenkins.asked.count("GET /") > probes
    assert jenkins.is_on


def test_a_starting_controller_is_observed_every_second(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, interval="1h")
    jenkins.reply = Reply(503)
    state = world.annotate("ji", "build", "1")
    state.expect("ji", "build", Ready="False/Starting", Reconciling="True/Starting", Stalled="False", Enforced="Unknown")
    asked = len(jenkins.asked)
    world.pass_time(10.0)
    assert 9 <= len(jenkins.asked) - asked <= 11
    jenkins.reply = None
    world.pass_time(2.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_an_annotation_requests_a_reconcile(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, interval="1h")
    jenkins.switch_off()
    world.annotate("tfp", "baseline", "now")
    assert jenkins.is_on, "a policy's annotation reaches its instances"
    jenkins.switch_off()
    state = world.annotate("ji", "build", "now")
    assert jenkins.is_on
    assert state.status("ji", "build")["lastHandledReconcileAt"] == "now"


def test_an_unsupported_field_is_reported_and_the_rest_is_applied(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    state = world.policy("baseline", rememberDevice="12h")
    state.expect("ji", "build", Ready="False/Unsupported", Stalled="True", Enforced="True/Probed")
    state.expect("tfp", "baseline", Ready="False/Unsupported", Stalled="True", Enforced="True/Probed")
    assert [state.fields("build")[path] for path in ("rememberDevice", "mode")] == ["Unsupported", "Applied"]
    assert jenkins.is_on


def test_drift_that_returns_three_times_needs_attention(world: World, jenkins: FakeController) -> None:
    """A request made while Jenkins does not answer need not be repeated."""
    enforce(world, jenkins)
    for _ in range(3):
        jenkins.switch_off()
        world.pass_time(6.0)
        assert jenkins.is_on
    jenkins.switch_off()
    world.pass_time(6.0).expect("ji", "build", Ready="False/Flapping", Stalled="True", Drifted="True")
    assert jenkins.is_off
    jenkins.reply = Reply(503)
    state = world.annotate("ji", "build", "found-out-who")
    assert state.expect("ji", "build", Ready="False/Starting")["lastHandledReconcileAt"] == "found-out-who"
    jenkins.reply = None
    world.pass_time(2.0)
    assert jenkins.is_on


def test_a_factor_below_the_minimum_assurance_is_not_enforced(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    state = world.policy("baseline", minimumAssurance="AAL2", allowedFactors=[{"type": "WebAuthn"}])
    state.expect("ji", "build", Ready="False/NoFactor", Stalled="True", Enforced="False/AssuranceNotMet")
    state.expect("tfp", "baseline", Ready="False/NoFactor", Enforced="False/AssuranceNotMet")
    assert "SecurityQuestions" in state.message("ji", "build", "Enforced")
    assert "NoFactor" in state.reasons("build")
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_not_enforced_if_anonymous_users_may_administer(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    jenkins.jenkins.anonymous_administers = True
    state = world.pass_time(10.0)
    state.expect("ji", "build", Ready="False/AnonymousAdministers", Stalled="True", Enforced="False/AnonymousAdministers", Drifted="False")
    state.expect("tfp", "baseline", Ready="False/AnonymousAdministers", Enforced="False/AnonymousAdministers")
    assert "AnonymousAdministers" in state.reasons("build")
    jenkins.jenkins.anonymous_administers = False
    world.pass_time(10.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_a_competing_manager_is_refused_until_it_is_acknowledged(world: World, jenkins: FakeController) -> None:
    """Configuration-as-code sets the same fields: refused until somebody acknowledges it."""
    jenkins.jenkins.managed_by_code = True
    world.instance("build", jenkins.url)
    state = world.policy("baseline")
    state.expect("ji", "build", Ready="False/CompetingManager", Stalled="True/CompetingManager", Enforced="False/NotActive")
    state.expect("tfp", "baseline", Ready="False/CompetingManager", Stalled="True")
    assert "competingManager" in state.message("ji", "build")
    assert jenkins.is_off
    assert not jenkins.files, "nothing is written"
    state = world.instance("build", jenkins.url, competingManager="Override")
    state.expect("ji", "build", Ready="True/InForce", Enforced="True/Probed", Stalled="False")
    jenkins.switch_off()
    assert "DriftCorrected" in world.pass_time(10.0).reasons("build")
    state = world.instance("build", jenkins.url, competingManager="Refuse")
    state.expect("ji", "build", Ready="True/InForce", Enforced="True/Probed")  # nothing to change: nothing to fight about
    jenkins.switch_off()
    world.pass_time(10.0).expect("ji", "build", Ready="False/CompetingManager", Drifted="True", Enforced="False")
    assert jenkins.is_off
