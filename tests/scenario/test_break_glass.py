"""Break-glass: opened at once, ended by itself, and never a way around the policy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World


@pytest.fixture
def world(world: World, jenkins: FakeController) -> World:
    """A policy is in force; the next periodic observation is in an hour."""
    world.instance("build", jenkins.url, checkInterval="1h")
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    return world


def open_glass(world: World, name: str, reason: str) -> State:
    return world.break_glass(name, world.clock.moment(hours=1), reason)


def test_a_break_glass_opens_at_once_and_ends_by_itself(world: World, jenkins: FakeController) -> None:
    state = open_glass(world, "incident", "INC-1")
    state.expect("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass", Drifted="False")
    assert jenkins.is_open
    assert "BreakGlassOpened" in state.reasons("build")
    assert world.counted("jenkins2fa_weakenings_total", path="breakGlass") == 1
    world.clock.passed += 3590.0
    assert jenkins.is_open
    state = world.pass_time(15.0)
    state.expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert state.expect("tfbg", "incident", Ready="True/Expired")["instances"]["open"] == 0
    assert jenkins.is_on


def test_deleting_a_break_glass_ends_it(world: World, jenkins: FakeController) -> None:
    open_glass(world, "incident", "INC-2").expect("tfp", "baseline", Ready="True", Enforced="False/BreakGlass")
    state = world.delete("tfbg", "incident")
    state.expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert jenkins.is_on
    assert "BreakGlassClosed" in state.reasons("build")


def test_a_used_reason_is_refused_with_a_message(world: World, jenkins: FakeController) -> None:
    open_glass(world, "first", "INC-4").expect("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass")
    world.delete("tfbg", "first").expect("ji", "build", Ready="True", Enforced="True/Probed")
    state = open_glass(world, "again", "INC-4")
    state.expect("ji", "build", Ready="False/BreakGlassRefused", Stalled="True", Enforced="True/Probed")
    for kind, name in (("tfp", "baseline"), ("tfbg", "again")):
        state.expect(kind, name, Ready="False/BreakGlassRefused", Stalled="True")
    assert jenkins.is_on
    for said in (state.message("ji", "build"), state.message("tfp", "baseline"), state.message("tfbg", "again")):
        assert "again is not opened: its reason INC-4 has been used" in said
        assert "new reason" in said
    assert "BreakGlassRefused" in state.reasons("build")
    state = world.break_glass("another", world.clock.moment(minutes=30), "INC-5")
    state.expect("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass")
    assert state.status("ji", "build")["breakGlass"]["name"] == "another"
    assert jenkins.is_open


def test_a_break_glass_ends_with_the_policy(world: World, jenkins: FakeController) -> None:
    open_glass(world, "incident", "INC-3").expect("ji", "build", Enforced="False/BreakGlass")
    world.delete("tfp", "baseline")
    assert jenkins.is_on


def test_a_break_glass_ignores_the_rollout(world: World, jenkins: FakeController) -> None:
    world.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1h"}, exemptGroups=["robots"])
    open_glass(world, "incident", "INC-7")
    assert jenkins.is_open


def test_a_break_glass_needs_approval_and_a_chain_is_refused(world: World, jenkins: FakeController) -> None:
    world.restart_operator(require_approval=True, longest_break_glass=timedelta(seconds=10))

    def approve(state: State, name: str) -> State:
        wanted = state.message("ji", "build").rpartition("approve-weakening=")[2].split()[0]
        return world.annotate("tfbg", name, wanted, "approve-weakening")

    state = open_glass(world, "first", "INC-1")
    state.expect("ji", "build", Ready="False/ApprovalRequired", Stalled="True", Enforced="True/Probed")
    state.expect("tfbg", "first", Ready="False/ApprovalRequired", Stalled="True")
    jenkins.switch_off()
    state = world.annotate("ji", "build", "now")
    assert jenkins.is_on, "drift is corrected meanwhile"
    assert "BreakGlassOpened" not in state.reasons("build")
    assert "BreakGlassOpened" in approve(state, "first").reasons("build")
    assert jenkins.is_open
    world.pass_time(15.0).expect("tfbg", "first", Ready="True/Closed")
    assert jenkins.is_on
    state = open_glass(world, "second", "INC-2")
    state.expect("ji", "build", Ready="False/ApprovalRequired")
    state = approve(state, "second")
    state.expect("ji", "build", Ready="False/BreakGlassRefused", Stalled="True", Enforced="True/Probed")
    assert jenkins.is_on
    assert "is possible again at" in state.message("ji", "build")
