"""Several Jenkins processes answer in turn behind one URL: what holds in one of them is never told as in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.actions import is_off
from tests.support.planted import places, told
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.turns import InTurns, twin_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.own_jenkins


@pytest.fixture
def twin(jenkins: StandIn) -> Iterator[StandIn]:
    with twin_of(jenkins) as running:
        yield running


@pytest.mark.parametrize("sticky", [False, True], ids=["by request", "by connection"])
def test_replicas_in_turn_are_named_and_nothing_is_claimed(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn, twin: StandIn, sticky: bool
) -> None:
    with InTurns(jenkins.url, twin.url, sticky=sticky) as door:
        scene.credentials(door.url, jenkins.tokens["admin"])
        scene.instance("build", door.url, checkInterval="5s")
        scene.policy("baseline")
        scene.wait("ji", "build", seconds=60, Ready="False/MultipleReplicas", Stalled="True", Enforced="Unknown/MultipleReplicas")
        scene.wait("tfp", "baseline", Ready="False/MultipleReplicas", Stalled="True", Enforced="Unknown")
        assert "let spec.url lead to one of them" in scene.message("ji", "build")
        wait_until(lambda: "MultipleReplicas" in scene.events("build"), what="the Event about it")
        told_so = [line for line in operator.text().splitlines() if f"instance {scene.namespace}/build" in line]
        assert not [line for line in told_so if "InForce" in line or "True/Probed" in line], "never in force"
        wait_until(lambda: is_off(jenkins) and is_off(twin), seconds=70, what="what was begun in one of them is undone")
        assert told(places(scene.kube, operator, jenkins, twin), scene.planted) == []
    # the way out: one of them
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", seconds=60, Ready="True", Enforced="True/Probed")
