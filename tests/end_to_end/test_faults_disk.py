"""A controller's disk is unwritable: nothing is half done, the status says what to do, and work continues once the disk is repaired."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support.actions import is_off, is_on
from tests.support.planted import leaks, places
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

pytestmark = pytest.mark.own_jenkins

FOLDERS = (".", "jenkins2fa", "plugins/moTfaGlobalConfig", "init.groovy.d")


def immutable(jenkins: StandIn, flag: str) -> None:
    """As on a volume that is mounted read-only: no file is created, deleted or renamed."""
    found = [str(jenkins.home / name) for name in FOLDERS if (jenkins.home / name).is_dir()]
    subprocess.run(["chattr", flag, *found], check=True)


def limit(jenkins: StandIn, size: int) -> None:
    """As on a full volume: files are created but stay empty."""
    resource.prlimit(jenkins.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


BREAK: dict[str, Callable[[StandIn], None]] = {"read-only": lambda one: immutable(one, "+i"), "full": lambda one: limit(one, 0)}
MEND: dict[str, Callable[[StandIn], None]] = {
    "read-only": lambda one: immutable(one, "-i"),
    "full": lambda one: limit(one, resource.RLIM_INFINITY),
}


@pytest.fixture(params=["read-only", pytest.param("full", marks=pytest.mark.slow)])
def disk(jenkins: StandIn, request: pytest.FixtureRequest) -> Iterator[str]:
    """How the disk fails; it is always repaired at the end, or the home could not be removed."""
    yield request.param
    MEND[request.param](jenkins)


def test_an_unwritable_disk(operator: OperatorProcess, scene: Scene, jenkins: StandIn, disk: str) -> None:
    """From the start, and later under a policy in force."""
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="True/NoPolicy")
    BREAK[disk](jenkins)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/NotPersisted", Stalled="True", Enforced="False/NotActive")
    scene.wait("tfp", "baseline", Ready="False/NotPersisted", Stalled="True", Enforced="False")
    assert "is the disk full or read-only?" in scene.message("ji", "build")
    wait_until(lambda: "NotPersisted" in scene.events("build"), what="the Event about it")
    assert is_off(jenkins), "nothing is half done"
    MEND[disk](jenkins)
    scene.wait("ji", "build", seconds=30, Ready="True", Enforced="True/Probed")
    assert is_on(jenkins)

    BREAK[disk](jenkins)
    scene.policy("baseline", exemptGroups=["robots"])
    scene.wait("tfp", "baseline", seconds=30, Ready="False/NotPersisted", Stalled="True")
    assert is_on(jenkins), "what is in force stays so"
    MEND[disk](jenkins)
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    assert leaks(places(scene.kube, operator, jenkins), scene.planted) == []
