"""The plugin is removed while its settings are in force: this is reported, nothing is written, nobody is locked out."""

from __future__ import annotations

import pytest

from tests.support.actions import is_on
from tests.support.people import gets_in
from tests.support.planted import leaks, places
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

SEED = "planted-seed-of-the-plugin-faults-0123456789"
GATES = {
    "with a gate": {"gate": {"mode": "Managed"}},
    "without a gate": {"gate": {"mode": "None"}, "credentialsRef": {"name": "account"}},
}
ENFORCED = {"with a gate": "True/Probed", "without a gate": "False/PluginAlone"}
TOKENS = {"with a gate": "Exempt", "without a gate": "Challenge"}


@pytest.fixture(params=GATES)
def gate(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def enforced(gate: str) -> str:
    """The condition Enforced while nothing is wrong."""
    return ENFORCED[gate]


@pytest.fixture
def in_force(operator: OperatorProcess, scene: Scene, jenkins: StandIn, gate: str, enforced: str) -> Scene:
    scene.secret("account", host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed=SEED)
    scene.instance("build", jenkins.url, **GATES[gate])
    scene.policy("baseline", apiTokens=TOKENS[gate])
    scene.wait("ji", "build", Ready="True", Enforced=enforced)
    return scene


def change_policy(scene: Scene, **changes: object) -> None:
    """Change fields of the existing policy."""
    scene.policy("baseline", {**scene.get("tfp", "baseline")["spec"], **changes})


def in_force_again(scene: Scene, jenkins: StandIn, enforced: str) -> None:
    scene.wait("ji", "build", seconds=40, Ready="True", Enforced=enforced)
    scene.wait("tfp", "baseline", Ready="True", Enforced=enforced)
    assert is_on(jenkins)


def trials(jenkins: StandIn) -> int:
    return jenkins.log().count("begun, undone in")


def test_a_plugin_missing_after_a_restart(operator: OperatorProcess, in_force: Scene, jenkins: StandIn, enforced: str) -> None:
    """Nobody is challenged any more, which is reported everywhere; nobody is locked out; with the plugin back it is enforced again."""
    begun = trials(jenkins)
    jenkins.faults(plugin="missing")
    jenkins.restart()
    in_force.wait("ji", "build", seconds=40, Ready="False/PluginMissing", Stalled="True", Enforced="False/PluginMissing")
    in_force.wait("tfp", "baseline", Ready="False/PluginMissing", Stalled="True", Enforced="False")
    wait_until(lambda: "PluginMissing" in in_force.events("build"), what="the Event about it")
    assert "restart Jenkins" in in_force.message("ji", "build")
    assert gets_in(jenkins, "admin", "alice") == "admin alice"
    change_policy(in_force, priority=7, minimumAssurance="AAL1")  # a policy change does not cause a write either
    in_force.wait("tfp", "baseline", Ready="False/PluginMissing")
    assert trials(jenkins) == begun
    jenkins.faults(plugin="enabled")
    jenkins.restart()
    in_force_again(in_force, jenkins, enforced)
    assert leaks(places(in_force.kube, operator, jenkins), in_force.planted) == []
