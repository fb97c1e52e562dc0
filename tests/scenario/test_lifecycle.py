"""What happens in Jenkins when objects in the cluster go away or come back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World

GRACE = 60.0  # seconds from the deletion of a policy to its release


def enforce(world: World, jenkins: FakeController, **policy: Any) -> None:
    world.instance("build", jenkins.url)
    world.policy("baseline", **policy).expect("ji", "build", Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("deletion", ["Disable", "Restore"])
def test_a_deleted_policy_is_released_after_the_grace_period(world: World, jenkins: FakeController, deletion: str) -> None:
    enforce(world, jenkins, deletionPolicy=deletion)
    world.delete("tfp", "baseline").expect("ji", "build", Ready="False/Releasing", Reconciling="True")
    world.pass_time(GRACE - 5.0)
    assert jenkins.is_on, "not before the grace period"
    state = world.pass_time(10.0)
    state.expect("ji", "build", Ready="True/NoPolicy", Reconciling="False")
    assert jenkins.is_off
    assert not jenkins.files
    assert "Released" in state.reasons("build")
    assert world.counted("jenkins2fa_weakenings_total", path="deletionPolicy") == 1


def test_a_deleted_policy_with_retain_leaves_jenkins_as_it_is(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.delete("tfp", "baseline").expect("ji", "build", Ready="True/NoPolicy")
    world.pass_time(2 * GRACE).expect("ji", "build", Ready="True/NoPolicy")
    assert jenkins.is_on


def test_a_policy_recreated_in_time_is_not_released(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, deletionPolicy="Disable")
    world.delete("tfp", "baseline")
    world.policy("baseline", deletionPolicy="Disable").expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    world.pass_time(2 * GRACE)
    assert jenkins.is_on


def test_an_instance_that_is_no_longer_selected_is_not_released(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, deletionPolicy="Disable")
    state = world.policy("baseline", deletionPolicy="Disable", instanceSelector={"matchLabels": {"other": "yes"}})
    state.expect("ji", "build", Ready="True/NoPolicy")
    world.pass_time(2 * GRACE)
    assert jenkins.is_on


def test_the_latest_deletion_policy_counts(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, deletionPolicy="Disable")
    world.policy("baseline", deletionPolicy="Retain").expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    world.delete("tfp", "baseline").expect("ji", "build", Ready="True/NoPolicy")
    world.pass_time(2 * GRACE)
    assert jenkins.is_on


def test_a_policy_deleted_without_an_operator_gets_its_grace_period(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, deletionPolicy="Disable")
    world.stop_operator()
    world.cluster.delete("twofactorpolicies", "team", "baseline")
    world.clock.passed += 2 * GRACE
    world.restart_operator().expect("ji", "build", Ready="False/Releasing")
    assert jenkins.is_on
    world.pass_time(GRACE + 10.0).expect("ji", "build", Ready="True/NoPolicy")
    assert jenkins.is_off


def test_a_deleted_instance_disconnects_and_a_recreated_one_keeps_ownership(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.delete("ji", "build").expect("tfp", "baseline", Ready="False/NoMatchingInstance")
    assert jenkins.is_on
    world.instance("build", jenkins.url).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_a_controller_of_another_owner_needs_attention(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.delete("tfp", "baseline").expect("ji", "build", Ready="True/NoPolicy")
    jenkins.files["state.json"]["owner"] |= {"cluster": "another-cluster", "instance": "another-instance"}
    state = world.policy("baseline", mode="Disabled")
    state.expect("ji", "build", Ready="False/OwnedElsewhere", Stalled="True")
    owner = "another-cluster/another-instance"
    assert owner in state.message("ji", "build")
    assert jenkins.is_on
    world.annotate("ji", "build", owner, "take-over").expect("ji", "build", Ready="True", Enforced="False/Disabled")
    assert jenkins.is_off
