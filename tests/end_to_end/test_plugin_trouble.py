"""Jenkins whose plugin is not one that may be written to: said in the cluster, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn

CASES = [
    ({"plugin": "missing"}, "PluginMissing"),
    ({"plugin": "disabled"}, "PluginMissing"),
    ({"plugin_version": "9.9.9"}, "UnsupportedPluginVersion"),
]


@pytest.mark.parametrize(("options", "reason"), CASES, ids=["missing", "disabled", "unknown-version"])
def test_plugin_that_cannot_be_written_to(
    operator: OperatorProcess, kube: KubeServer, namespace: str, options: dict[str, Any], reason: str
) -> None:
    with StandIn(**options) as jenkins:
        scene = Scene(kube, namespace)
        scene.credentials(jenkins.url, jenkins.tokens["admin"])
        scene.instance("build", jenkins.url)
        scene.policy("baseline")
        scene.wait("ji", "build", Ready=f"False/{reason}", Stalled=f"True/{reason}", Reconciling="False")
        scene.wait("tfp", "baseline", Ready=f"False/{reason}", Stalled=f"True/{reason}")
        assert not (jenkins.home / "jenkins2fa").exists()
