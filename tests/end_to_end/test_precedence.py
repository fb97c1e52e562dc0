"""Which policy governs an instance, and what the overridden ones report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.actions import is_on
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


@pytest.fixture
def floor(kube: KubeServer, scene: Scene) -> Iterator[str]:
    """The name of a cluster policy for the namespaces with the label guarded=<namespace of the test>; gone after the test."""
    name = f"floor-{scene.namespace}"
    yield name
    kube.kubectl("delete", "ctfp", name, "--ignore-not-found")


def test_a_cluster_policy_outranks_every_namespaced_policy(operator: OperatorProcess, scene: Scene, floor: str, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("own", mode="Disabled", priority=1000)
    scene.wait("tfp", "own", Ready="True", Enforced="False/Disabled")
    scene.kube.kubectl("label", "namespace", scene.namespace, f"guarded={scene.namespace}")
    scene.cluster_policy(floor, {"guarded": scene.namespace})
    scene.wait("ctfp", floor, Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "own", Ready="False/Overridden")
    assert f"ClusterTwoFactorPolicy {floor}" in scene.message("tfp", "own")
    status = scene.get("ji", "build")["status"]
    assert status["summary"]["policy"] == f"ctfp/{floor}"
    assert (status["policy"]["kind"], "namespace" in status["policy"]) == ("ClusterTwoFactorPolicy", False)
    assert is_on(jenkins)

    def reported() -> bool:
        return any(one["regarding"]["name"] == floor for one in scene.kube.get("events.events.k8s.io", "-n", "default")["items"])

    wait_until(reported, what="an Event about the cluster policy")
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded-")
    scene.wait("tfp", "own", Ready="True", Enforced="False/Disabled")
    scene.wait("ctfp", floor, Ready="False/NoMatchingInstance")
