"""What happens in Jenkins when objects in the cluster go away or come back."""

from __future__ import annotations

import time

import pytest

from tests.support.actions import is_off, is_on
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


def enforce(scene: Scene, jenkins: StandIn, **policy: object) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", **policy)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("deletion", ["Disable", "Restore"])
def test_a_deleted_policy_is_released_after_the_grace_period(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn, deletion: str
) -> None:
    enforce(scene, jenkins, deletionPolicy=deletion)
    weakened = operator.counted("jenkins2fa_weakenings_total", path="deletionPolicy")
    scene.delete("tfp", "baseline")
    scene.wait("ji", "build", Ready="False/Releasing", Reconciling="True")
    assert is_on(jenkins), "not before the grace period"
    scene.wait("ji", "build", Ready="True/NoPolicy", Reconciling="False")
    assert is_off(jenkins)
    assert not (jenkins.home / "jenkins2fa").exists()
    assert "Released" in scene.events("build")
    assert operator.counted("jenkins2fa_weakenings_total", path="deletionPolicy") == weakened + 1


def test_a_deleted_namespace_leaves_jenkins_unchanged(operator: OperatorProcess, kube: KubeServer, jenkins: StandIn) -> None:
    scene = Scene(kube, kube.new_namespace("going"))
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    enforce(scene, jenkins, deletionPolicy="Disable")
    kube.remove_namespace("going")
    wait_until(lambda: not kube.has("namespace", "going"), seconds=60, what="it is gone")
    time.sleep(3)
    assert is_on(jenkins)
