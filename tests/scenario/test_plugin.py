"""The plugin is upgraded, disabled or removed while its settings are in force: this is reported, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World

GONE = {"removed": {"installed": False, "active": False, "version": None}, "disabled": {"active": False}}


@pytest.fixture
def in_force(world: World, jenkins: FakeController) -> World:
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    return world


@pytest.mark.parametrize("gone", GONE)
def test_a_plugin_missing_after_a_restart_is_reported(in_force: World, jenkins: FakeController, gone: str) -> None:
    jenkins.jenkins.plugin |= GONE[gone]
    jenkins.restart()
    trial = jenkins.jenkins.last_trial
    state = in_force.pass_time(10.0)
    state.expect("ji", "build", Ready="False/PluginMissing", Stalled="True", Enforced="False/PluginMissing")
    state.expect("tfp", "baseline", Ready="False/PluginMissing", Stalled="True", Enforced="False")
    assert "PluginMissing" in state.reasons("build")
    assert "restart Jenkins" in state.message("ji", "build")
    changes: dict[str, Any] = {"priority": 7, "minimumAssurance": "AAL1"}
    in_force.policy("baseline", **changes).expect("tfp", "baseline", Ready="False/PluginMissing")
    assert [jenkins.jenkins.last_trial, "trial.json" in jenkins.files] == [trial, False], "a policy change does not cause a write"
    jenkins.jenkins.plugin |= {"installed": True, "active": True, "version": "1.2.0"}
    jenkins.restart()
    in_force.pass_time(10.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_an_untested_plugin_version_is_only_read(in_force: World, jenkins: FakeController) -> None:
    """The policy stays in force and proven, but nothing is written, not even a policy change."""
    jenkins.jenkins.plugin["version"] = "1.3.0"
    jenkins.restart()
    trial = jenkins.jenkins.last_trial
    state = in_force.pass_time(10.0)
    status = state.expect("ji", "build", Ready="False/UnsupportedPluginVersion", Stalled="True", Enforced="True/Probed")
    state.expect("tfp", "baseline", Ready="False/UnsupportedPluginVersion", Stalled="True")
    assert "1.3.0" in state.message("ji", "build")
    assert status["jenkins"]["pluginVersion"] == "1.3.0"
    in_force.policy("baseline", mode="Disabled").expect("tfp", "baseline", Ready="False/UnsupportedPluginVersion")
    assert jenkins.jenkins.last_trial == trial
    assert jenkins.is_on, "an upgrade does not weaken what is in force"
    in_force.policy("baseline")
    jenkins.jenkins.plugin["version"] = "1.2.0"
    jenkins.restart()
    in_force.pass_time(10.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("gone", GONE)
def test_without_the_plugin_a_first_enforcement_writes_nothing(world: World, jenkins: FakeController, gone: str) -> None:
    jenkins.jenkins.plugin |= GONE[gone]
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="False/PluginMissing", Stalled="True", Enforced="False")
    assert not jenkins.files
