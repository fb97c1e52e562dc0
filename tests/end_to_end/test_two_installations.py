"""Two installations with Leases in different namespaces: the second does not start, or each serves its own objects."""

from __future__ import annotations

import json

import pytest

from tests.support.actions import is_off, switch_off
from tests.support.kube import CHECKOUT, KubeServer
from tests.support.running import ACCOUNT, OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


@pytest.fixture
def in_force(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> Scene:
    """Served by the shared operator, which is cluster-wide."""
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert server_of(scene) == ["jenkins-2fa", "jenkins-2fa"]
    return scene


def server_of(scene: Scene) -> list[str]:
    return [scene.get(kind, name)["status"]["operator"] for kind, name in (("ji", "build"), ("tfp", "baseline"))]


def grant_another(kube: KubeServer, namespace: str) -> None:
    """The rights of deploy/rbac.yaml for an installation in another namespace."""
    account = f"--serviceaccount={namespace}:{ACCOUNT}"
    for role in (ACCOUNT, f"{ACCOUNT}-references"):
        kube.kubectl("create", "clusterrolebinding", f"{role}-{namespace}", f"--clusterrole={role}", account)
    kube.kubectl("create", "role", "lease", "-n", namespace, "--verb=create,get,update", "--resource=leases.coordination.k8s.io")
    kube.kubectl("create", "rolebinding", "lease", "-n", namespace, "--role=lease", account)


def test_a_second_cluster_wide_installation_does_not_start(in_force: Scene) -> None:
    kube, namespace = in_force.kube, in_force.namespace
    grant_another(kube, namespace)
    second = OperatorProcess(kube, namespace=namespace)
    try:
        second.launch()
        assert second.wait(60) == 1
    finally:
        second.kill()
    assert "Error: another operator (its Lease jenkins-2fa-operator is in namespace jenkins-2fa) serves" in second.text()
    assert server_of(in_force) == ["jenkins-2fa", "jenkins-2fa"]


def test_a_namespaced_installation_takes_over_its_namespace(operator: OperatorProcess, in_force: Scene, jenkins: StandIn) -> None:
    """It may not read the first one's Lease, but the first one may read its Lease."""
    kube, scene, namespace, before = in_force.kube, in_force, in_force.namespace, len(operator.text())
    kube.kubectl("apply", "-n", namespace, "-f", str(CHECKOUT / "deploy" / "rbac-one-namespace.yaml"))
    subject = json.dumps([{"op": "add", "path": "/subjects/0/namespace", "value": namespace}])
    kube.kubectl("patch", "rolebinding", ACCOUNT, "-n", namespace, "--type=json", "-p", subject)
    kube.kubectl("create", "role", "references", "-n", namespace, "--verb=get", "--resource=secrets", "--resource-name=admin")
    kube.kubectl("create", "rolebinding", "references", "-n", namespace, "--role=references", f"--serviceaccount={namespace}:{ACCOUNT}")
    with OperatorProcess(kube, "--namespace", namespace, "-v", namespace=namespace) as second:
        wait_until(lambda: server_of(scene) == [namespace, namespace], seconds=30, what="the second serves both objects")
        scene.wait("ji", "build", Ready="False/OwnedElsewhere", Stalled="True")  # the owner record is the first one's
        scene.annotate("ji", "build", "both-are-called")
        wait_until(lambda: "ServedByAnother" in scene.events("build"), seconds=30, what="the first says that it leaves it alone")
        assert f"another operator (its Lease is in namespace {namespace}) serves objects here" in operator.text()[before:]
        assert "may not be read" in second.text()
        for word in ("again", "and-again"):
            scene.annotate("ji", "build", word)
            wait_until(lambda word=word: scene.get("ji", "build")["status"].get("lastHandledReconcileAt") == word, what="a pass")  # type: ignore[misc]
        assert server_of(scene) == [namespace, namespace]
    switch_off(jenkins)
    kube.kubectl("delete", "lease", "jenkins-2fa-operator", "-n", namespace)  # as when its namespace is removed
    wait_until(lambda: served_again(scene), seconds=60, every=2.0, what="the first serves them again")
    scene.wait("ji", "build", seconds=30, Ready="True", Enforced="True/Probed")
    assert not is_off(jenkins)


def served_again(scene: Scene) -> bool:
    scene.annotate("ji", "build", scene.get("ji", "build")["metadata"]["resourceVersion"])
    return server_of(scene)[0] == "jenkins-2fa"
