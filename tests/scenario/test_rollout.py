"""A policy reaches a few controllers first, and continues or stops depending on the result."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World

NAMES = ("a", "b", "c")
Fleet = list[FakeController]


@pytest.fixture
def world(world: World, fleet: Fleet) -> World:
    """Three controllers without two-factor authentication, each with an instance."""
    for name, controller in zip(NAMES, fleet, strict=True):
        world.credentials(controller, name=f"admin-{name}")
        world.instance(name, controller.url, credentialsRef={"name": f"admin-{name}"}, checkInterval="1h")
    return world


def rollout(state: State) -> dict[str, Any]:
    found: dict[str, Any] = state.status("tfp", "baseline").get("rollout") or {}
    return found


def on(fleet: Fleet) -> list[bool]:
    return [controller.is_on for controller in fleet]


def test_batches_continue_after_a_restart_of_the_operator(world: World, fleet: Fleet) -> None:
    state = world.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "8s"})
    assert [rollout(state)["state"], rollout(state)["admitted"], on(fleet)] == ["Pausing", 1, [True, False, False]]
    state.expect("tfp", "baseline", Ready="False/RollingOut", Reconciling="True/RollingOut", Stalled="False")
    state.expect("ji", "b", Ready="False/WaitingForRollout", Reconciling="True", Stalled="False", Drifted="False")
    assert "1 of 3 instances are done" in state.message("tfp", "baseline")
    state = world.restart_operator()
    assert rollout(state)["admitted"] == 1
    assert rollout(world.pass_time(8.0))["admitted"] == 2
    state = world.pass_time(15.0)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed", Reconciling="False", Stalled="False")
    assert on(fleet) == [True, True, True]
    assert {"state": "Complete", "admitted": 3, "updated": 3, "failed": 0, "total": 3}.items() <= rollout(state).items()


def test_a_rollout_stops_at_a_failure_and_restarts_with_a_changed_policy(world: World, fleet: Fleet) -> None:
    world.instance("a", fleet[0].url, credentialsRef={"name": "missing"}, checkInterval="1h").expect("ji", "a", Ready="False/SecretMissing")
    world.policy("baseline", rollout={"batchSize": 1})
    state = world.pass_time(10.0)
    state.expect("tfp", "baseline", Ready="False/RolloutStopped", Stalled="True/RolloutStopped", Reconciling="False")
    assert "team/a" in state.message("tfp", "baseline")
    assert on(fleet) == [False, False, False], "nothing continues after a failure"
    world.policy("baseline", rollout={"batchSize": 1, "stopAfterFailures": 2})
    state = world.pass_time(20.0)
    assert on(fleet) == [False, True, True], "one failure is tolerated"
    state.expect("tfp", "baseline", Ready="False/SecretMissing", Stalled="True")
    world.instance("a", fleet[0].url, credentialsRef={"name": "admin-a"}, checkInterval="1h")
    state = world.pass_time(10.0)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert rollout(state)["state"] == "Complete"


def test_a_stopped_rollout_still_corrects_drift(world: World, fleet: Fleet) -> None:
    world.policy("baseline", rollout={"batchSize": 1})
    world.pass_time(20.0).expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    world.instance("a", fleet[0].url, credentialsRef={"name": "missing"}, checkInterval="1h").expect("ji", "a", Ready="False/SecretMissing")
    world.policy("baseline", rollout={"batchSize": 1}, priority=7)
    world.pass_time(10.0).expect("tfp", "baseline", Ready="False/RolloutStopped")
    fleet[1].switch_off()
    world.annotate("ji", "b", "now")
    assert fleet[1].is_on, "the edit changes nothing at b, so what is off there is drift"
    state = world.policy("baseline", rollout={"batchSize": 1}, priority=7, exemptGroups=["robots"])
    state.expect("ji", "b", Ready="False/WaitingForRollout")
    fleet[1].switch_off()
    world.annotate("ji", "b", "again").expect("ji", "b", Enforced="False/NotActive")
    assert not fleet[1].is_on, "the desired state has changed and waits; the condition says so"


def test_a_suspended_rollout_resumes_where_it_stopped(world: World, fleet: Fleet) -> None:
    long: dict[str, Any] = {"batchSize": 1, "pauseBetween": "1h"}
    paused = rollout(world.policy("baseline", rollout=long))
    assert paused["state"] == "Pausing"
    state = world.policy("baseline", rollout=long, suspend=True)
    state.expect("ji", "b", Ready="False/Suspended")
    state.expect("tfp", "baseline", Ready="False/Suspended", Reconciling="False")
    state = world.policy("baseline", rollout=long)
    state.expect("tfp", "baseline", Ready="False/RollingOut")
    assert {**paused, "generation": 3} == rollout(state), "the pause continues"
    assert on(fleet) == [True, False, False]
    world.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1s"})
    world.pass_time(15.0).expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    state = world.policy("baseline", rollout=long, priority=3)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert rollout(state)["state"] == "Complete", "an edit without effect needs no pause"


def test_batches_begin_when_the_grace_period_ends(world: World, fleet: Fleet) -> None:
    grace = {"graceUntil": world.clock.moment(seconds=60)}
    state = world.policy("baseline", rollout={"batchSize": 2, "pauseBetween": "3s", **grace})
    state.expect("tfp", "baseline", Ready="True/Reported", Drifted="True", Enforced="False")
    state.expect("ji", "c", Ready="True/Reported")
    assert "graceUntil" in state.message("ji", "c")
    assert [on(fleet), rollout(state)["updated"]] == [[False, False, False], 0]
    state = world.pass_time(80.0)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert rollout(state)["state"] == "Complete"


def test_the_first_enforcement_waits_for_enrolment(world: World, fleet: Fleet) -> None:
    world.instance("a", fleet[0].url, credentialsRef={"name": "admin-a"})
    state = world.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1h", "minimumEnrolled": 100})
    state.expect("ji", "a", Ready="False/EnrolmentTooLow", Stalled="True")
    assert "0 % of 3 users" in state.message("ji", "a")
    assert not fleet[0].is_on
    fleet[0].enrol_everybody()
    world.pass_time(10.0).expect("ji", "a", Ready="True", Enforced="True/Probed")


def test_from_audit_through_the_grace_period_to_enforcement(world: World, fleet: Fleet) -> None:
    staged = {"batchSize": 1, "minimumEnrolled": 100}
    for name in ("a", "c"):
        world.delete("ji", name)
    world.instance("b", fleet[1].url, credentialsRef={"name": "admin-b"})
    state = world.policy("baseline", mode="Audit", rollout=staged)
    state.expect("ji", "b", Ready="True/Reported", Drifted="True", Enforced="False/NotActive", Stalled="False")
    for said in ("mode is Audit", "so far ", "users have a second factor, 100 % are asked for"):
        assert said in state.message("ji", "b")
    state = world.policy("baseline", rollout={**staged, "graceUntil": world.clock.moment(seconds=60)})
    state.expect("tfp", "baseline", Ready="True/Reported", Enforced="False")
    assert "graceUntil" in state.message("ji", "b")
    state = world.pass_time(70.0)
    state.expect("ji", "b", Ready="False/EnrolmentTooLow", Stalled="True", Enforced="False")
    state.expect("tfp", "baseline", Ready="False")
    assert not fleet[1].is_on, "the grace period is over, and too few users have enrolled"
    fleet[1].enrol_everybody()
    state = world.pass_time(10.0)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert rollout(state)["state"] == "Complete"
    state = world.policy("baseline", rollout=staged)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed", Drifted="False")
