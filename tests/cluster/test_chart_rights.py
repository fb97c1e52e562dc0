"""The operator, run as in the chart's Deployment, does all its work with exactly the chart's rights."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.actions import is_on, switch_off
from tests.support.charted import CHART, RELEASE, one, operator_of, rendered, rights_of, run_python
from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.rights import Right, audit_flags, superfluous, usage
from tests.support.running import ACCOUNT, NAMESPACE
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

AGGREGATED = "rbac.authorization.k8s.io/aggregate-to-edit"
BY_NAME = {"references": {"team": {"secrets": ["admin"], "configMaps": ["corporate-ca"]}}}
# Values, and the requests that are meant to be refused.
INSTALLATIONS: dict[str, tuple[dict[str, Any], set[Right]]] = {
    "cluster, every reference": ({"rbac": {"everyReference": True}}, set()),
    "cluster, references by name": ({"rbac": BY_NAME}, set()),
    "namespaces": (
        {"watchNamespaces": ["team"], "rbac": BY_NAME},
        {Right("kube-system", "", "namespaces", "get", "kube-system")},
    ),
}


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[KubeServer]:
    """An API server that logs every request of the operator's account, with the namespaces of the test."""
    user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
    with KubeServer(api_server_flags=audit_flags(tmp_path, user)) as kube:
        for namespace in (NAMESPACE, "team", "platform"):
            kube.new_namespace(namespace)
        yield kube


@pytest.mark.parametrize(
    "name", [pytest.param("cluster, every reference", marks=pytest.mark.slow), "cluster, references by name", "namespaces"]
)
def test_the_operator_has_exactly_the_rights_that_it_uses(audited: KubeServer, name: str, tmp_path: Path) -> None:
    values, refused = INSTALLATIONS[name]
    install(audited, values)
    scene = Scene(audited, "team")
    with StandIn() as jenkins, operator_of(audited) as operator:
        do_everything(scene, jenkins, above="watchNamespaces" not in values)
        check_leader(audited, values, operator.kubeconfig)
        seen = usage(tmp_path / "audit.log")
        print(operator.text())
    assert seen.denied == refused
    assert superfluous(rights_of(audited), seen.allowed) == set()


def test_the_comparison_finds_superfluous_and_missing_rights(audited: KubeServer, tmp_path: Path) -> None:
    """The comparison above detects deviations."""
    install(audited, {"rbac": {"references": {"team": {"secrets": ["admin", "unused"], "configMaps": ["another"]}}}})
    scene = Scene(audited, "team")
    with StandIn() as jenkins, operator_of(audited):
        prepare(scene, jenkins)
        scene.wait("ji", "build", Ready="False/SecretMissing")
        assert "the operator may not read the ConfigMap corporate-ca" in scene.message("ji", "build")
    seen = usage(tmp_path / "audit.log")
    assert seen.denied == {Right("team", "", "configmaps", "get", "corporate-ca")}
    unused = superfluous(rights_of(audited), seen.allowed)
    assert {right.name for right in unused if right.resource == "secrets"} == {"unused"}


def test_secrets_without_a_listed_name_cannot_be_read(audited: KubeServer, tmp_path: Path) -> None:
    """The chart's defaults."""
    install(audited, {})
    assert not [right for right in rights_of(audited) if right.resource in ("secrets", "configmaps")]
    scene = Scene(audited, "team")
    scene.secret("admin", host="127.0.0.1:9", username="admin", token="t0ken")
    scene.instance("build", "http://127.0.0.1:9")
    with operator_of(audited):
        scene.wait("ji", "build", Ready="False/SecretMissing", Stalled="True")
    assert "rbac.references of the chart" in scene.message("ji", "build")
    assert Right("team", "", "secrets", "get", "admin") in usage(tmp_path / "audit.log").denied


@pytest.fixture(scope="module")
def installed() -> Iterator[KubeServer]:
    """An API server with the chart's defaults, for all tests that only read rights."""
    with KubeServer() as kube:
        for namespace in (NAMESPACE, "team"):
            kube.new_namespace(namespace)
        install(kube, {})
        yield kube


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("jenkins-2fa-operator-view", {"get tfp", "get tfbg", "list ji"}, {"create tfp", "create tfbg", "patch ji"}),
        ("jenkins-2fa-operator-edit", {"create tfp", "patch tfp", "create ji"}, {"create tfbg", "delete tfbg", "patch tfbg"}),
        ("jenkins-2fa-operator-break-glass", {"create tfbg", "delete tfbg", "get tfp"}, {"patch tfp", "create ji", "patch tfbg"}),
        ("jenkins-2fa-operator-cluster-view", {"get ctfp", "list ctfp"}, {"create ctfp", "patch ctfp", "get tfp"}),
        ("jenkins-2fa-operator-cluster-edit", {"get ctfp", "create ctfp", "patch ctfp", "delete ctfp"}, {"patch tfp", "create tfbg"}),
    ],
)
def test_roles_for_users_grant_only_their_own_rights(installed: KubeServer, role: str, may: set[str], may_not: set[str]) -> None:
    """Opening a break-glass and changing cluster policies each need their own role; neither is part of `edit`."""
    labels = installed.get("clusterrole", role)["metadata"]["labels"]
    assert (AGGREGATED in labels) == role.endswith(("operator-view", "operator-edit"))
    assert role.endswith("view") or "rbac.authorization.k8s.io/aggregate-to-view" not in labels
    person = role.removeprefix("jenkins-2fa-operator-")
    who = installed.service_account("team", person)
    binding = ["clusterrolebinding", person] if "cluster" in role else ["rolebinding", person, "-n", "team"]
    installed.kubectl("create", *binding, f"--clusterrole={role}", f"--serviceaccount=team:{person}")

    def allowed(right: str) -> bool:
        try:
            return installed.kubectl("auth", "can-i", *right.split(), "-n", "team", kubeconfig=who).strip() == "yes"
        except KubectlFailed:
            return False

    wait_until(lambda: all(map(allowed, may)), seconds=20, what=f"{role} has its rights")
    assert not [right for right in may_not if allowed(right)]


def install(kube: KubeServer, values: dict[str, Any]) -> None:
    kube.helm("install", RELEASE, str(CHART), "-n", NAMESPACE, "-f", "-", input=json.dumps(values))
    kube.kubectl("wait", "--for=condition=Established", "crd", "--all")


def prepare(scene: Scene, jenkins: StandIn) -> None:
    authority = trustme.CA().cert_pem.bytes().decode()
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corporate-ca"}, "data": {"ca.crt": authority}}
    scene.kube.apply(config_map, namespace=scene.namespace)
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.instance("build", jenkins.url, caRef={"kind": "ConfigMap", "name": "corporate-ca", "key": "ca.crt"})
    scene.policy("baseline")


def do_everything(scene: Scene, jenkins: StandIn, *, above: bool) -> None:
    """Enforce a policy (``above``: also a cluster policy), correct drift, release.

    The first drift has more fields; the last one's Event is counted."""
    prepare(scene, jenkins)
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    for _ in range(3):
        switch_off(jenkins)
        wait_until(lambda: is_on(jenkins), seconds=20, what="the drift is corrected")
        time.sleep(1.5)  # the reconcile that found it writes its Event before the next drift
    wait_until(lambda: counted(scene), seconds=20, what="an Event that is counted")
    if above:
        scene.cluster_policy("floor", {"kubernetes.io/metadata.name": "team"})
        scene.wait("ctfp", "floor", Ready="True", Enforced="True/Probed")
        scene.kube.kubectl("delete", "ctfp", "floor")
        scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    scene.break_glass("incident", (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), "INC-1")
    scene.wait("tfbg", "incident", Ready="True/Open")
    scene.delete("tfbg", "incident")
    wait_until(lambda: is_on(jenkins), seconds=20, what="the break-glass is closed")
    scene.policy("baseline", deletionPolicy="Restore")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    scene.delete("tfp", "baseline")
    wait_until(lambda: "Released" in scene.events("build"), seconds=30, what="the former settings are restored")
    scene.wait("ji", "build", seconds=30, Ready="True/NoPolicy")


def counted(scene: Scene) -> bool:
    events = scene.kube.get("events.events.k8s.io", "-n", scene.namespace)["items"]
    return any((event.get("series") or {}).get("count", 0) > 1 for event in events)


def check_leader(kube: KubeServer, values: dict[str, Any], kubeconfig: Path) -> None:
    """The pod of `helm test` succeeds with the operator's account, and fails without a leader."""
    pod = one(rendered(kube, values), "Pod")["spec"]
    container = pod["containers"][0]
    assert pod["serviceAccountName"] == ACCOUNT
    assert container["command"] == ["python", "-c"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    environment = {**kube.environment(kubeconfig), "PYTHONPATH": str(CHECKOUT / "operator"), **variables, "PATIENCE": "10"}
    result = run_python(container["args"][0], environment, Path(sys.executable))
    assert result.returncode == 0, result.stderr
    kube.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": RELEASE},
            "spec": {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15, "holderIdentity": "gone"},
        },
        namespace="platform",
    )
    admin = {**environment, "KUBECONFIG": str(kube.kubeconfig), "LEASE_NAMESPACE": "platform", "PATIENCE": "0"}
    result = run_python(container["args"][0], admin, Path(sys.executable))
    assert result.returncode == 1
    assert "no operator leads: the Lease platform/jenkins-2fa-operator was last renewed" in result.stderr
