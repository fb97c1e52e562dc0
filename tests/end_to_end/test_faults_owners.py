"""Two clusters, each with an operator, reach one Jenkins: the second waits for a person, and the first never fights for what was taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.actions import is_off, is_on
from tests.support.kube import KubeServer
from tests.support.planted import places, told
from tests.support.running import OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def other_cluster() -> Iterator[KubeServer]:
    with KubeServer() as server:
        server.apply_crds()
        grant(server)
        yield server


@pytest.fixture
def other_operator(other_cluster: KubeServer) -> Iterator[OperatorProcess]:
    with OperatorProcess(other_cluster, "-v") as running:
        yield running
        print(running.text())


@pytest.fixture
def other_scene(other_cluster: KubeServer, namespace: str, jenkins: StandIn) -> Iterator[Scene]:
    """A namespace of the same name: it is the cluster that counts."""
    scene = Scene(other_cluster, other_cluster.new_namespace(namespace))
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    yield scene
    other_cluster.remove_namespace(namespace)


def uid_of_cluster(kube: KubeServer) -> str:
    return str(kube.get("namespace", "kube-system")["metadata"]["uid"])


def owner(scene: Scene) -> str:
    return f"{uid_of_cluster(scene.kube)}/{scene.get('ji', 'build')['metadata']['uid']}"


def take_over(scene: Scene, whose: str) -> None:
    scene.kube.kubectl("annotate", "ji", "build", "-n", scene.namespace, "--overwrite", f"jenkins2fa.dev/take-over={whose}")


def test_a_second_cluster_takes_over_by_the_word_of_a_person_only(
    operator: OperatorProcess, scene: Scene, other_operator: OperatorProcess, other_scene: Scene, jenkins: StandIn
) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")

    other_scene.instance("build", jenkins.url)
    other_scene.policy("baseline", enforcement="Off")
    other_scene.wait("ji", "build", Ready="False/OwnedElsewhere", Stalled="True")
    other_scene.wait("tfp", "baseline", Ready="False/OwnedElsewhere", Stalled="True")
    assert owner(scene) in other_scene.message("ji", "build"), "who it is, and so what to annotate"
    looks(other_scene, 2)
    assert is_on(jenkins)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")

    take_over(other_scene, "somebody/else")  # not the one who holds it
    looks(other_scene, 1)
    assert is_on(jenkins)

    take_over(other_scene, owner(scene))
    other_scene.wait("ji", "build", Ready="True", Enforced="False/Off")
    scene.wait("ji", "build", seconds=30, Ready="False/OwnedElsewhere", Stalled="True", Enforced="False")
    assert owner(other_scene) in scene.message("ji", "build")
    looks(scene, 2)
    assert is_off(jenkins), "the former owner does not fight for it"

    take_over(scene, owner(other_scene))
    scene.wait("ji", "build", seconds=30, Ready="True", Enforced="True/Probed")
    other_scene.wait("ji", "build", seconds=30, Ready="False/OwnedElsewhere")
    looks(other_scene, 2)
    looks(scene, 2)
    assert is_on(jenkins), "each word was good for one take-over: they do not go on taking it from each other"
    assert told(places(scene.kube, operator, jenkins), scene.planted) == []
    assert told(places(other_scene.kube, other_operator, jenkins), other_scene.planted) == []


def looks(scene: Scene, times: int) -> None:
    """Wait until the operator has looked at the instance so often, because it was asked to."""
    for number in range(times):
        word = f"{scene.get('ji', 'build')['metadata']['resourceVersion']}-{number}"
        scene.annotate("ji", "build", word)
        wait_until(
            lambda word=word: scene.get("ji", "build")["status"].get("lastHandledReconcileAt") == word, seconds=20, what="it was looked at"
        )


def test_deleting_the_policy_of_the_second_one_releases_nothing(
    operator: OperatorProcess, scene: Scene, other_operator: OperatorProcess, other_scene: Scene, jenkins: StandIn
) -> None:
    """Its deletionPolicy is about what it manages, and it manages nothing here."""
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    other_scene.instance("build", jenkins.url)
    other_scene.policy("baseline", deletionPolicy="Disable")
    other_scene.wait("ji", "build", Ready="False/OwnedElsewhere")
    other_scene.delete("tfp", "baseline")
    other_scene.wait("ji", "build", Ready="True/NoPolicy")
    looks(other_scene, 2)
    assert is_on(jenkins)
    assert "Released" not in other_scene.events("build")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
