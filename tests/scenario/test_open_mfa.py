"""A policy that allows an authenticator app, in a Jenkins with OpenMFA, which has no live flag."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fleet.plugins import OPEN_MFA
from tests.support.scenario.clock import Clock
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World

APP = [{"type": "MobileAuthenticator"}]


@pytest.fixture
def jenkins(clock: Clock) -> Iterator[FakeController]:
    """A Jenkins controller with OpenMFA as it is after its installation."""
    with FakeController(clock.epoch, OPEN_MFA) as running:
        yield running


def enforce(world: World, jenkins: FakeController, **policy: object) -> State:
    world.instance("build", jenkins.url)
    return world.policy("baseline", allowedFactors=APP, **policy)


def test_an_authenticator_app_is_in_force_and_meets_aal2(world: World, jenkins: FakeController) -> None:
    state = enforce(world, jenkins, minimumAssurance="AAL2")
    state.expect("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False")
    assert state.message("ji", "build", "Enforced") == "disk, memory and factors agree, and a probe was challenged"
    assert [set(state.fields("build").values()), jenkins.is_on, jenkins.jenkins.live] == [{"Applied"}, True, None]


def test_nothing_is_written_when_nothing_changes(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    world.pass_time(60.0).expect("ji", "build", Enforced="True/Probed")
    assert jenkins.trials == 1


@pytest.mark.parametrize("settings", [{"enabled": False}, {"exemptsEveryone": True}], ids=["not required", "everyone exempt"])
def test_drift_is_put_back(world: World, jenkins: FakeController, settings: dict[str, bool]) -> None:
    enforce(world, jenkins)
    jenkins.jenkins.save(**settings)
    state = world.pass_time(6.0)
    state.expect("ji", "build", Enforced="True/Probed", Drifted="False/Corrected")
    assert jenkins.is_on


def test_it_holds_after_a_restart(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    jenkins.restart()
    world.pass_time(6.0).expect("ji", "build", Enforced="True/Probed", Drifted="False")


def test_disabled_lets_those_in_who_are_enrolled_too(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, mode="Disabled").expect("ji", "build", Ready="True", Enforced="False/Disabled")
    assert jenkins.jenkins.memory["exemptsEveryone"]
    enforce(world, jenkins).expect("ji", "build", Enforced="True/Probed")
    assert not jenkins.jenkins.memory["exemptsEveryone"]


def test_a_break_glass_opens_it_and_leaves_the_settings(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    opened = world.break_glass("incident", "2099-01-01T00:00:00Z", "INC-1")
    opened.expect("ji", "build", Enforced="False/BreakGlass")
    assert [jenkins.is_open, jenkins.jenkins.memory["enabled"]] == [True, True]
    world.delete("tfbg", "incident")
    world.pass_time(6.0).expect("ji", "build", Enforced="True/Probed")


def test_a_probe_that_gets_through_undoes_the_change(world: World, jenkins: FakeController) -> None:
    jenkins.begun = lambda: jenkins.jenkins.memory.update(exemptsEveryone=True)
    state = enforce(world, jenkins)
    state.expect("ji", "build", Ready="False/ChangeUndone", Enforced="False")
    assert not jenkins.jenkins.memory["enabled"]


def test_a_factor_that_it_does_not_have_is_unsupported(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    state = world.policy("baseline", allowedFactors=[*APP, {"type": "SecurityQuestions"}])
    state.expect("ji", "build", Ready="False/Unsupported", Enforced="True/Probed")
    assert "SecurityQuestions: the installed plugin (OpenMFA) does not have it" in state.message("ji", "build")
    world.policy("baseline").expect("ji", "build", Ready="False/NoFactor")


def test_without_a_gate_it_is_the_plugin_alone(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, gate={"mode": "None"})
    state = world.policy("baseline", allowedFactors=APP, apiTokens=None)
    state.expect("ji", "build", Enforced="Unknown/Unverified")
    assert "the plugin (OpenMFA) may let the operator pass by rules of its own" in state.message("ji", "build", "Enforced")


@pytest.mark.parametrize("asks", [True, False])
def test_of_two_plugins_the_site_names_one(world: World, jenkins: FakeController, asks: bool) -> None:
    jenkins.jenkins.beside("miniorange-two-factor", asks=asks)
    world.instance("build", jenkins.url)
    state = world.policy("baseline", allowedFactors=APP)
    state.expect("ji", "build", Ready="False/TwoPlugins")
    assert "set spec.provider on the JenkinsInstance" in state.message("ji", "build")
    assert [jenkins.is_on, jenkins.jenkins.others[0]["asks"]] == [False, asks]
    state = world.instance("build", jenkins.url, provider="OpenMFA")
    state.expect("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False")
    assert [jenkins.is_on, jenkins.jenkins.others[0]["asks"]] == [True, False]


def test_a_move_waits_until_enough_users_have_the_new_factor(world: World, jenkins: FakeController) -> None:
    jenkins.jenkins.beside("miniorange-two-factor", asks=True)
    world.instance("build", jenkins.url, provider="OpenMFA")
    state = world.policy("baseline", allowedFactors=APP, rollout={"minimumEnrolled": 90})
    state.expect("ji", "build", Ready="False/EnrolmentTooLow", Enforced="False/NotActive")
    assert "miniorange-two-factor asks for a second factor, not openmfa" in state.message("ji", "build", "Enforced")
    assert [jenkins.is_on, jenkins.jenkins.others[0]["asks"]] == [False, True]
    jenkins.enrol_everybody()
    world.pass_time(60.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert [jenkins.is_on, jenkins.jenkins.others[0]["asks"]] == [True, False]


def test_the_other_plugin_on_again_is_put_back_whoever_is_enrolled(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, provider="OpenMFA")
    jenkins.enrol_everybody()
    world.policy("baseline", allowedFactors=APP, rollout={"minimumEnrolled": 90}).expect("ji", "build", Enforced="True/Probed")
    jenkins.jenkins.users["notEnrolled"] = 3
    jenkins.jenkins.beside("miniorange-two-factor", asks=True)
    state = world.pass_time(6.0)
    state.expect("ji", "build", Enforced="True/Probed", Drifted="False/Corrected")
    assert not jenkins.jenkins.others[0]["asks"]


def test_a_move_whose_probe_gets_through_is_undone(world: World, jenkins: FakeController) -> None:
    jenkins.jenkins.beside("miniorange-two-factor", asks=True)
    jenkins.begun = lambda: jenkins.jenkins.memory.update(exemptsEveryone=True)
    world.instance("build", jenkins.url, provider="OpenMFA")
    world.policy("baseline", allowedFactors=APP).expect("ji", "build", Ready="False/ChangeUndone")
    assert [jenkins.jenkins.memory["enabled"], jenkins.jenkins.others[0]["asks"]] == [False, True]


def test_a_release_switches_it_off(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins, deletionPolicy="Disable")
    world.delete("tfp", "baseline")
    world.pass_time(120.0)
    assert [jenkins.jenkins.effective, jenkins.jenkins.memory["exemptsEveryone"], jenkins.files] == [False, True, {}]
