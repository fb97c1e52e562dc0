"""--require-approval: a weakening change waits until an approver approves it."""

from __future__ import annotations

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World


@pytest.fixture
def world(world: World, jenkins: FakeController) -> World:
    """A policy is in force, and its weakening needs an approval."""
    world.restart_operator(require_approval=True)
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    return world


def approval(state: State) -> str:
    """The approval annotation that the message asks for."""
    return state.message("ji", "build").rpartition("approve-weakening=")[2].split()[0]


def approve(world: World, kind: str = "tfp", name: str = "baseline", *, earlier: str = "") -> State:
    return world.annotate(kind, name, earlier + approval(world.state()), "approve-weakening")


def test_weakening_waits_for_approval(world: World, jenkins: FakeController) -> None:
    state = world.policy("baseline", mode="Disabled")
    state.expect("ji", "build", Ready="False/ApprovalRequired", Stalled="True")
    assert jenkins.is_on
    approve(world).expect("ji", "build", Ready="True", Enforced="False/Disabled")
    assert jenkins.is_off


@pytest.mark.parametrize("deletion", ["Disable", "Restore"])
def test_deleting_a_policy_waits_for_approval(world: World, jenkins: FakeController, deletion: str) -> None:
    world.policy("baseline", deletionPolicy=deletion).expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    world.delete("tfp", "baseline")
    state = world.pass_time(70.0)
    state.expect("ji", "build", Ready="False/ApprovalRequired", Stalled="True")
    assert jenkins.is_on
    assert jenkins.files
    assert "jenkinsinstance build -n team " in state.message("ji", "build")
    assert approval(state).startswith("release-")
    assert "ApprovalRequired" in state.reasons("build")
    assert "Released" not in state.reasons("build")
    approve(world, "ji", "build").expect("ji", "build", Ready="True/NoPolicy")
    assert jenkins.is_off
    assert not jenkins.files


def test_a_controller_added_to_an_approved_policy_needs_another_approval(world: World, jenkins: FakeController) -> None:
    """The approval covers the instances governed at that time; weakening an instance labelled later needs another."""
    state = world.policy("baseline", mode="Disabled")
    state.expect("ji", "build", Ready="False/ApprovalRequired")
    for_all = f"1-{approval(state).partition('-')[2]}"  # the same desired state of a policy in its first generation
    world.delete("tfp", "baseline")
    world.policy("dev", mode="Disabled", instanceSelector={"matchLabels": {"tier": "dev"}})
    world.annotate("tfp", "dev", for_all, "approve-weakening").expect("ji", "build", Ready="True/NoPolicy")
    world.label("ji", "build", tier="dev").expect("ji", "build", Ready="False/ApprovalRequired", Stalled="True")
    assert jenkins.is_on
    approve(world, name="dev", earlier=f"{for_all},").expect("ji", "build", Ready="True", Enforced="False/Disabled")
    assert jenkins.is_off


def test_the_owner_record_says_whether_approvals_are_required(world: World, jenkins: FakeController) -> None:
    """Jenkins decides by it whether one administrator alone may remove a user's second factor."""
    assert jenkins.files["state.json"]["owner"]["approvals"] is True
    before = jenkins.trials
    world.pass_time(120.0)
    assert jenkins.trials == before, "nothing is written when nothing changed"
    world.restart_operator(require_approval=False).expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert [jenkins.files["state.json"]["owner"]["approvals"], jenkins.trials] == [False, before + 1]


def test_a_record_without_the_word_requires_no_approvals(world: World, jenkins: FakeController) -> None:
    world.restart_operator(require_approval=False)
    del jenkins.files["state.json"]["owner"]["approvals"]
    before = jenkins.trials
    world.pass_time(120.0)
    assert [jenkins.trials, "approvals" in jenkins.files["state.json"]["owner"]] == [before, False]
