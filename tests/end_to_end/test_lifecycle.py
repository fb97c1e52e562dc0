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


def later(scene: Scene) -> None:
    """Have the instance looked at after the grace period of a deletion (2s in these tests)."""
    time.sleep(2.5)
    scene.annotate("ji", "build", "later")
    time.sleep(1.5)


@pytest.mark.parametrize("deletion", ["Disable", "Restore"])
def test_deleted_policy_is_released_after_its_grace(operator: OperatorProcess, scene: Scene, jenkins: StandIn, deletion: str) -> None:
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


def test_deleted_policy_with_retain_leaves_jenkins_as_it_is(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.delete("tfp", "baseline")
    scene.wait("ji", "build", Ready="True/NoPolicy")
    later(scene)
    assert is_on(jenkins)
    assert scene.conditions("ji", "build")["Ready"] == "True/NoPolicy"


def test_policy_that_comes_back_in_time_is_not_released(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, deletionPolicy="Disable")
    scene.delete("tfp", "baseline")
    scene.policy("baseline", deletionPolicy="Disable")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    time.sleep(3)
    assert is_on(jenkins)


def test_policy_that_selects_no_longer_is_not_released(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, deletionPolicy="Disable")
    scene.policy("baseline", deletionPolicy="Disable", instanceSelector={"matchLabels": {"other": "yes"}})
    scene.wait("ji", "build", Ready="True/NoPolicy")
    later(scene)
    assert is_on(jenkins)


def test_changed_deletion_policy_is_the_one_that_counts(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins, deletionPolicy="Disable")
    scene.policy("baseline", deletionPolicy="Retain")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    scene.delete("tfp", "baseline")
    scene.wait("ji", "build", Ready="True/NoPolicy")
    later(scene)
    assert is_on(jenkins)


def test_deleted_instance_disconnects_and_comes_back_as_its_own(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.delete("ji", "build")
    scene.wait("tfp", "baseline", Ready="False/NoMatchingInstance")
    assert is_on(jenkins)
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


def test_deleted_namespace_goes_and_jenkins_stays(operator: OperatorProcess, kube: KubeServer, jenkins: StandIn) -> None:
    scene = Scene(kube, kube.new_namespace("going"))
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    enforce(scene, jenkins, deletionPolicy="Disable")
    kube.remove_namespace("going")
    wait_until(lambda: "namespace/going" not in kube.kubectl("get", "namespaces", "-o", "name").split(), seconds=60, what="it is gone")
    time.sleep(3)
    assert is_on(jenkins)


def test_jenkins_of_somebody_else_waits_for_a_person(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    enforce(scene, jenkins)
    scene.delete("tfp", "baseline")
    scene.wait("ji", "build", Ready="True/NoPolicy")
    jenkins.groovy(
        "def file = new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json')\n"
        "def state = new groovy.json.JsonSlurper().parse(file)\n"
        "state.owner.cluster = 'another-cluster'; state.owner.instance = 'another-instance'\n"
        "file.text = groovy.json.JsonOutput.toJson(state)"
    )
    scene.policy("baseline", enforcement="Off")
    scene.wait("ji", "build", Ready="False/OwnedElsewhere", Stalled="True")
    assert is_on(jenkins)
    owner = "another-cluster/another-instance"
    assert owner in scene.message("ji", "build")
    scene.kube.kubectl("annotate", "ji", "build", "-n", scene.namespace, f"jenkins2fa.dev/take-over={owner}")
    scene.wait("ji", "build", Ready="True", Enforced="False/Off")
    assert is_off(jenkins)
