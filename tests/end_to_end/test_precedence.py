"""Which policy governs, and what the others say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.actions import is_on
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn


@pytest.fixture
def platform(kube: KubeServer) -> Iterator[Scene]:
    """The operator's policy namespace; empty again after the test."""
    if "namespace/platform" not in kube.kubectl("get", "namespaces", "-o", "name").split():
        kube.new_namespace("platform")
    scene = Scene(kube, "platform")
    yield scene
    kube.kubectl("delete", "tfp", "--all", "-n", "platform")


def test_platform_outranks_every_team(operator: OperatorProcess, scene: Scene, platform: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("own", enforcement="Off", priority=1000)
    scene.wait("tfp", "own", Ready="True", Enforced="False/Off")
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded=yes")
    platform.policy("floor", namespaceSelector={"matchLabels": {"guarded": "yes"}})
    platform.wait("tfp", "floor", Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "own", Ready="False/Overridden")
    assert scene.get("ji", "build")["status"]["summary"]["policy"] == "platform/floor"
    assert is_on(jenkins)
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded-")
    scene.wait("tfp", "own", Ready="True", Enforced="False/Off")
    platform.wait("tfp", "floor", Ready="False/NoMatchingInstance")
