"""Pipelines apply, prune, replace, recreate and compare our objects while the operator works on them."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.actions import is_on, switch_off
from tests.support.health import argo, flux
from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.running import OperatorProcess, grant
from tests.support.scene import API, QUESTIONS, Body, Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

LABEL = "app.kubernetes.io/part-of=jenkins-fleet"
OURS = [f"--prune-allowlist={API}/{kind}" for kind in ("TwoFactorPolicy", "JenkinsInstance")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubeServer]:
    with KubeServer() as kube:
        kube.apply_crds()
        grant(kube)
        yield kube


@pytest.fixture(scope="module")
def running(cluster: KubeServer) -> Iterator[OperatorProcess]:
    with OperatorProcess(cluster) as operator:
        yield operator


@pytest.fixture
def operator(running: OperatorProcess) -> Iterator[OperatorProcess]:
    before = len(running.text())
    yield running
    print(running.text()[before:])


@pytest.fixture
def jenkins() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def scene(cluster: KubeServer, jenkins: StandIn, request: pytest.FixtureRequest) -> Iterator[Scene]:
    name = cluster.namespace_for(request.node.name)
    made = Scene(cluster, name)
    made.credentials(jenkins.url, jenkins.tokens["admin"])
    yield made
    cluster.remove_namespace(name)


def instance(jenkins: StandIn, **spec: Any) -> Body:
    wanted = {"url": f"{jenkins.url}/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}, "checkInterval": "5s", **spec}
    return _object("JenkinsInstance", "build", wanted)


def policy(name: str = "baseline", **spec: Any) -> Body:
    return _object("TwoFactorPolicy", name, {**QUESTIONS, **spec})


def _object(kind: str, name: str, spec: Body) -> Body:
    labels = dict([LABEL.split("=")])
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def send(scene: Scene, command: str, *objects: Body, flags: tuple[str, ...] = ()) -> str:
    """Run kubectl with manifests on its standard input; raises KubectlFailed."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return scene.kube.kubectl(*command.split(), "-n", scene.namespace, *flags, "-f", "-", input=items)


def differences(scene: Scene, *objects: Body, flags: tuple[str, ...]) -> str:
    """What `kubectl diff` prints: "" where live and desired are the same.

    It reads the live object first and asks for the desired one then, so a status that is written in between differs. Such a
    difference is gone when it looks again.
    """
    found = ""
    for _ in range(3):
        try:
            return send(scene, "diff", *objects, flags=flags)
        except KubectlFailed as error:  # its exit code is 1 if anything differs
            found = str(error)
    return found


def in_force(scene: Scene) -> None:
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("way", [("apply", ()), ("apply", ("--server-side", "--field-manager=pipeline"))], ids=["client", "server"])
def test_live_and_desired_never_differ_while_the_operator_works(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn, way: tuple[str, tuple[str, ...]]
) -> None:
    desired = instance(jenkins), policy()
    command, flags = way
    send(scene, command, *desired, flags=flags)
    deadline = time.monotonic() + 4
    looks = 0
    while time.monotonic() < deadline or looks < 3:
        assert differences(scene, *desired, flags=flags) == ""
        looks += 1
    in_force(scene)
    switch_off(jenkins)
    assert differences(scene, *desired, flags=flags) == ""
    wait_until(lambda: is_on(jenkins), seconds=15, what="the drift is corrected")
    assert differences(scene, *desired, flags=flags) == ""
    assert "priority: 1" in differences(scene, desired[0], policy(priority=1), flags=flags)


def test_health_of_live_objects(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    send(scene, "apply", instance(jenkins), policy())
    in_force(scene)
    for kind, name in (("ji", "build"), ("tfp", "baseline")):
        assert argo(scene.get(kind, name))[0] == "Healthy"
        assert flux(scene.get(kind, name)) == "Current"
    send(scene, "apply", instance(jenkins, credentialsRef={"name": "nowhere"}))
    scene.wait("ji", "build", Ready="False/SecretMissing")
    scene.wait("tfp", "baseline", Ready="False", Stalled="True")
    for kind, name in (("ji", "build"), ("tfp", "baseline")):
        status, message = argo(scene.get(kind, name))
        assert (status, flux(scene.get(kind, name))) == ("Degraded", "Failed")
        assert "nowhere" in message
    send(scene, "apply", instance(jenkins), policy(suspend=True))
    scene.wait("tfp", "baseline", Ready="True/Suspended")
    assert argo(scene.get("tfp", "baseline"))[0] == "Suspended"


def test_a_pruned_policy_is_deleted_at_once_and_jenkins_is_unchanged(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    flags = ("--prune", "-l", LABEL, *OURS)
    send(scene, "apply", instance(jenkins), policy(), flags=flags)
    in_force(scene)
    begun = time.monotonic()
    told = send(scene, "apply", instance(jenkins), flags=flags)
    assert "twofactorpolicy.jenkins2fa.dev/baseline pruned" in told
    assert time.monotonic() - begun < 5
    scene.wait("ji", "build", Ready="True/NoPolicy")
    assert is_on(jenkins)
    scene.secret("unrelated", key="value")
    with pytest.raises(KubectlFailed, match="no objects passed to apply"):
        send(scene, "apply", flags=flags)  # an empty list by accident: kubectl then prunes nothing
    scene.delete("ji", "build")
    assert is_on(jenkins)


def test_a_policy_recreated_at_once_is_not_released(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Not even with deletionPolicy: Restore, nor after a rename, where the old policy is pruned and the new one applied."""
    wanted = policy(deletionPolicy="Restore")
    send(scene, "apply", instance(jenkins), wanted)
    in_force(scene)
    before = scene.get("tfp", "baseline")["metadata"]["uid"]
    send(scene, "replace --force", wanted)
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert scene.get("tfp", "baseline")["metadata"]["uid"] != before
    flags = ("--prune", "-l", LABEL, *OURS)
    send(scene, "apply", wanted)  # kubectl prunes only objects that it has applied
    send(scene, "apply", instance(jenkins), policy("renamed", deletionPolicy="Restore"), flags=flags)
    scene.wait("tfp", "renamed", Ready="True", Enforced="True/Probed")
    time.sleep(3)  # the tests' grace is 2 s
    assert is_on(jenkins)
    assert "Released" not in scene.events("build")
    assert scene.get("ji", "build")["status"]["policy"]["name"] == "renamed"


def test_a_recreated_instance_continues(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    send(scene, "apply", instance(jenkins), policy())
    in_force(scene)
    for _ in range(3):
        scene.delete("ji", "build")
        send(scene, "apply", instance(jenkins))
        assert is_on(jenkins)
    in_force(scene)


def test_replace_keeps_the_status_and_requests_no_reconcile(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    send(scene, "apply", instance(jenkins), policy())
    in_force(scene)
    before = [scene.get(*one) for one in (("ji", "build"), ("tfp", "baseline"))]
    send(scene, "replace", instance(jenkins), policy())
    time.sleep(6)  # more than checkInterval
    after = [scene.get(*one) for one in (("ji", "build"), ("tfp", "baseline"))]
    assert [one["metadata"].get("annotations") for one in after] == [None, None]
    assert [one["status"] for one in after] == [one["status"] for one in before]
    assert [one["metadata"]["generation"] for one in after] == [1, 1]


def test_two_field_managers_conflict_with_each_other_but_not_the_operator(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn
) -> None:
    flags = "--server-side", "--field-manager=platform"
    send(scene, "apply", instance(jenkins), policy(), flags=flags)
    in_force(scene)
    other = "--server-side", "--field-manager=team"
    with pytest.raises(KubectlFailed, match=r'conflict with "platform".*\.spec\.apiTokens'):
        send(scene, "apply", policy(apiTokens="Challenge"), flags=other)
    send(scene, "apply", policy(priority=5), flags=other)  # a field that nobody owned, and otherwise the same values
    with pytest.raises(KubectlFailed, match=r'conflict with "team".*\.spec\.apiTokens'):
        send(scene, "apply", policy(apiTokens="Challenge"), flags=flags)
    in_force(scene)
    owners = _owners(scene, "tfp", "baseline")
    assert owners["platform"] == {""}
    assert owners["team"] == {""}
    others = {manager: parts for manager, parts in owners.items() if manager not in ("platform", "team")}
    assert set.union(*others.values()) == {"status"}, "the operator owns nothing but the status"
    send(scene, "apply", instance(jenkins), policy(), flags=flags)  # no conflict with the operator despite all its writes


def test_the_documented_wait_commands_work(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    commands = _commands_of_page("kubectl wait ")
    assert len(commands) >= 3
    send(scene, "apply", instance(jenkins), policy("production"))
    for command in commands:
        scene.kube.kubectl(*shlex.split(command)[1:], "-n", scene.namespace)
    scene.wait("tfp", "production", Ready="True", Enforced="True/Probed")


def test_the_documented_removal_works(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    send(scene, "apply", instance(jenkins), policy(deletionPolicy="Restore"))
    in_force(scene)
    page = (CHECKOUT / "docs" / "installation.md").read_text()
    command = re.search(r"`kubectl (wait jenkinsinstances/build .*NoPolicy.*)`", page)
    assert command
    scene.delete("tfp", "baseline")
    scene.kube.kubectl(*shlex.split(command[1]), "-n", scene.namespace)
    assert not is_on(jenkins)
    assert not (jenkins.home / "jenkins2fa").exists()


def _owners(scene: Scene, kind: str, name: str) -> dict[str, set[str]]:
    """Field manager by name: the subresources through which it wrote ("" = the object itself)."""
    body = json.loads(scene.kube.kubectl("get", kind, name, "-n", scene.namespace, "-o", "json", "--show-managed-fields"))
    found: dict[str, set[str]] = {}
    for entry in body["metadata"]["managedFields"]:
        found.setdefault(entry["manager"], set()).add(entry.get("subresource", ""))
    return found


def _commands_of_page(prefix: str) -> list[str]:
    text = (CHECKOUT / "docs" / "gitops.md").read_text()
    lines = [line.strip() for line in text.splitlines()]
    return [line.replace(" -n team", "") for line in lines if line.startswith(prefix)]
