"""A policy in the cluster is in force in a running Jenkins, and stays so."""

from __future__ import annotations

from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


def test_policy_is_in_force_and_proven(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    alice = jenkins.browser("alice", "alice-pw-1")
    assert alice.status("/") == 200
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    instance = scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False", Reconciling="False", Stalled="False")
    policy = scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed", Drifted="False", Reconciling="False", Stalled="False")
    assert alice.status("/") == 302
    assert policy["status"]["instances"] == {"selected": 1, "governed": 1, "overridden": 0, "enforced": 1, "drifted": 0, "failing": 0}
    assert instance["status"]["policy"]["name"] == "baseline"
    assert {field["state"] for field in instance["status"]["fields"]} == {"Applied"}
    for body in (instance, policy):
        assert "finalizers" not in body["metadata"]
        assert "annotations" not in body["metadata"]
    wait_until(lambda: "Applied" in scene.events("build"), what="the Event about the change")
