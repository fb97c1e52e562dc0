"""`kubectl twofactor` and `jenkins2fa plan` in a cluster without an operator: user rights, errors, and what applying would change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.kube import CHECKOUT, KubeServer
from tests.support.plugin import Ended, Plugin
from tests.support.scene import API, QUESTIONS, Scene
from tests.support.standin import StandIn


@pytest.fixture
def plugin(kube: KubeServer, tmp_path: Path) -> Plugin:
    return Plugin(kube, tmp_path)


@pytest.fixture(scope="module")
def jenkins() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def scene(kube: KubeServer, namespace: str, jenkins: StandIn) -> Scene:
    made = Scene(kube, namespace)
    made.credentials(jenkins.url, jenkins.tokens["admin"])
    made.instance("build", jenkins.url, labels={"tier": "production"})
    return made


def plan(kube: KubeServer, folder: Path, *arguments: str, kubeconfig: Path | None = None) -> Ended:
    command = [
        sys.executable,
        "-m",
        "jenkins2fa.cli.main",
        "plan",
        str(folder),
        "--kubeconfig",
        str(kubeconfig or kube.kubeconfig),
        *arguments,
    ]
    environment = {**kube.environment(kubeconfig), "PYTHONPATH": str(CHECKOUT / "operator"), "COLUMNS": "200"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return Ended(result.returncode, result.stdout, result.stderr)


def put(folder: Path, name: str, namespace: str, **spec: Any) -> None:
    body = {"apiVersion": API, "kind": "TwoFactorPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": {**QUESTIONS, **spec}}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(json.dumps(body))


def rows(ended: Ended) -> list[tuple[str, str, str | None]]:
    """Instance, verdict, policy."""
    found = json.loads(ended.out)["instances"]
    return [(one["instance"]["name"], one["verdict"], one["plan"] and one["plan"]["policy"]["name"]) for one in found]


def test_a_plan_of_the_files_shows_what_would_change(kube: KubeServer, scene: Scene, tmp_path: Path) -> None:
    scene.policy("live", mode="Disabled", priority=5)
    put(tmp_path / "files", "new", scene.namespace)
    before = plan(kube, tmp_path / "files", "-o", "json")
    assert [before.code, rows(before)] == [2, [("build", "Changes", "live")]]
    assert json.loads(before.out)["idlePolicies"] == [{"policy": f"{scene.namespace}/new", "overriddenBy": [f"{scene.namespace}/live"]}]
    pruned = plan(kube, tmp_path / "files", "-o", "json", "--prune")
    assert [pruned.code, rows(pruned)] == [2, [("build", "Changes", "new")]]
    put(tmp_path / "files", "new", scene.namespace, priority=6)
    text = plan(kube, tmp_path / "files", "-o", "markdown").out
    assert f"`{scene.namespace}/live -> {scene.namespace}/new`" in text


def test_a_plan_shows_an_instance_that_loses_its_policy(kube: KubeServer, scene: Scene, tmp_path: Path) -> None:
    scene.policy("live", deletionPolicy="Disable")
    put(tmp_path / "files", "elsewhere", scene.namespace, instanceSelector={"matchLabels": {"tier": "none"}})
    ended = plan(kube, tmp_path / "files", "--prune", "-o", "markdown")
    assert ended.code == 0
    assert "loses its policy: deletionPolicy Disable" in ended.out


def test_policies_in_the_cluster_are_older_than_those_in_files(kube: KubeServer, scene: Scene, tmp_path: Path) -> None:
    scene.policy("b-live", mode="Disabled")
    put(tmp_path / "files", "a-new", scene.namespace)
    put(tmp_path / "files", "b-live", scene.namespace, mode="Disabled")
    assert rows(plan(kube, tmp_path / "files", "-o", "json")) == [("build", "Changes", "b-live")]


def test_a_user_without_access_to_a_secret_sees_the_rest(kube: KubeServer, scene: Scene, tmp_path: Path) -> None:
    person = kube.service_account(scene.namespace, "reader")
    kube.kubectl("create", "role", "reader", "--verb=get,list", "--resource=twofactorpolicies,jenkinsinstances", "-n", scene.namespace)
    kube.kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={scene.namespace}:reader", "-n", scene.namespace)
    put(tmp_path / "files", "new", scene.namespace)
    ended = plan(kube, tmp_path / "files", "-o", "json", kubeconfig=person)
    row = json.loads(ended.out)["instances"][0]
    assert [ended.code, row["verdict"], row["reason"]] == [1, "Unknown", "SecretMissing"]
    assert "you may not read the Secret admin" in row["message"]


def test_missing_rights_are_named(plugin: Plugin, kube: KubeServer, scene: Scene) -> None:
    person = kube.service_account(scene.namespace, "nobody")
    ended = plugin("fleet", kubeconfig=person)
    assert ended.code == 1
    assert ended.err.startswith("Error: you have no right to do that: ")
    assert 'cannot list resource "jenkinsinstances"' in ended.err
    kube.kubectl("create", "role", "reader", "--verb=get,list", "--resource=twofactorpolicies,jenkinsinstances", "-n", scene.namespace)
    kube.kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={scene.namespace}:nobody", "-n", scene.namespace)
    scene.policy("policy")
    refused = plugin("suspend", "policy", kubeconfig=person)
    assert [refused.code, 'cannot patch resource "twofactorpolicies"' in refused.err] == [1, True]
    assert scene.get("tfp", "policy")["spec"]["suspend"] is False
    seen = plugin(kubeconfig=person)  # the context's namespace
    assert [seen.code, "NotReconciled" in seen.out] == [3, True]


def say_in_force(kube: KubeServer, namespace: str, operator: str, ready: str) -> None:
    """The status of instance build as left by an operator that is gone."""
    rows = {"Ready": ("True", ready), "Enforced": ("True", "Probed"), "Drifted": ("False", "NoDrift")}
    if ready == "Suspended":
        rows |= dict.fromkeys(("Enforced", "Drifted"), ("Unknown", "Suspended"))
    time = "2026-11-24T12:00:00Z"
    held = [{"type": t, "status": s, "reason": r, "message": "…", "lastTransitionTime": time} for t, (s, r) in rows.items()]
    status = {"observedGeneration": 1, "conditions": held, "operator": operator, "summary": {"policy": "policy"}}
    patch = json.dumps({"status": status})
    kube.kubectl("patch", "ji", "build", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


def put_lease(kube: KubeServer, namespace: str, age: timedelta) -> None:
    renewed = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "pod", "leaseDurationSeconds": 15, "renewTime": renewed}
    kube.apply(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "jenkins-2fa-operator"}, "spec": spec},
        namespace=namespace,
    )


def test_the_status_of_a_dead_operator_proves_nothing(plugin: Plugin, kube: KubeServer, scene: Scene) -> None:
    namespace = ("-n", scene.namespace)
    say_in_force(kube, scene.namespace, scene.namespace, "InForce")
    absent = plugin(*namespace)
    assert [absent.code, absent.err.count("\n"), f"there is no Lease {scene.namespace}/jenkins-2fa-operator" in absent.err] == [3, 1, True]
    put_lease(kube, scene.namespace, timedelta(hours=1))
    for command in (("fleet",), ("fleet", "-o", "json"), ("why", "build")):
        stale = plugin(*command, *namespace)
        assert [stale.code, stale.err.count("\n"), "was last renewed at" in stale.err] == [3, 1, True], command
    put_lease(kube, scene.namespace, timedelta(seconds=3))
    for command in (("fleet",), ("why", "build")):
        assert (plugin(*command, *namespace).code, plugin(*command, *namespace).err) == (0, ""), command


def test_a_user_without_access_to_the_lease_gets_no_error(plugin: Plugin, kube: KubeServer, scene: Scene) -> None:
    say_in_force(kube, scene.namespace, scene.namespace, "InForce")
    person = kube.service_account(scene.namespace, "viewer")
    kube.kubectl("create", "role", "viewer", "--verb=get,list", "--resource=twofactorpolicies,jenkinsinstances", "-n", scene.namespace)
    kube.kubectl("create", "rolebinding", "viewer", "--role=viewer", f"--serviceaccount={scene.namespace}:viewer", "-n", scene.namespace)
    seen = plugin(kubeconfig=person)
    assert [seen.code, seen.err, "1 of 1 enforced, by proof." in seen.out] == [0, "", True]


def test_a_suspended_fleet_and_an_empty_one_are_not_enforced(plugin: Plugin, kube: KubeServer, scene: Scene) -> None:
    namespace = ("-n", scene.namespace)
    put_lease(kube, scene.namespace, timedelta(seconds=3))
    say_in_force(kube, scene.namespace, scene.namespace, "Suspended")
    suspended = plugin(*namespace)
    assert suspended.out.splitlines()[1].split()[:6] == ["build", "policy", "Unknown", "Unknown", "True", "Suspended"]
    assert [suspended.code, "0 of 1 enforced, by proof; 1 Suspended." in suspended.out] == [3, True]
    told = plugin("why", "build", *namespace)
    assert [told.code, "not known whether it is enforced (Suspended)" in told.out] == [3, True]
    scene.delete("ji", "build")
    empty = plugin(*namespace)
    assert [empty.code, empty.out] == [3, f"There is no JenkinsInstance in namespace {scene.namespace} (-A shows every namespace).\n"]


def test_a_missing_operator_is_reported(plugin: Plugin, scene: Scene) -> None:
    namespace = ("-n", scene.namespace)
    scene.policy("policy")
    explained = plugin("why", "policy", *namespace)
    assert [explained.code, "the operator is not running" in explained.out] == [3, True]
    waited = plugin("reconcile", "build", *namespace, "--timeout", "1")
    assert [waited.code, "no reconcile within 1 s" in waited.out] == [1, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("why", "buidl"), "did you mean build?"),
        (("why", "pod/build"), "write policy/build, ctfp/build or instance/build"),
        (("suspend", "build"), "there is no policy build"),
        (("break-glass", "policy", "--reason", "x", "--yes"), "give either --for DURATION or --until TIME"),
        (("break-glass", "policy", "--reason", "x", "--for", "2 hours", "--yes"), "is not a duration"),
        (("break-glass", "policy", "--reason", "x", "--until", "2020-01-01T00:00:00Z", "--yes"), "that time is in the past"),
        (("break-glass", "policy", "--reason", " ", "--for", "5m", "--yes"), "name the incident"),
        (("fleet", "--context", "nowhere"), "no connection to an API server"),
    ],
)
def test_errors_are_reported_in_one_line(plugin: Plugin, scene: Scene, arguments: tuple[str, ...], message: str) -> None:
    scene.policy("policy")
    ended = plugin(*arguments, "-n", scene.namespace)
    assert [ended.code, message in ended.err, "Traceback" in ended.err] == [1, True, False], ended.err


def test_an_unreachable_api_server_is_reported(plugin: Plugin, kube: KubeServer, tmp_path: Path) -> None:
    config = json.loads(kube.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    ended = plugin("fleet", kubeconfig=file)
    assert [ended.code, "the API server cannot be used" in ended.err] == [1, True]
