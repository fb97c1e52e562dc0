"""examples/admission: who may approve a weakening, and that no instance leaves the platform's baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.rule_cases import CANARY, build
from tests.support.waiting import wait_until

EXAMPLE = CHECKOUT / "examples" / "admission" / "approve-weakening.yaml"
BASELINE = CHECKOUT / "examples" / "admission" / "keep-baseline.yaml"
ANNOTATION = "jenkins2fa.dev/approve-weakening"
KINDS = ("TwoFactorPolicy", "TwoFactorBreakGlass", "JenkinsInstance")
WRITER = {
    "apiGroups": ["jenkins2fa.dev"],
    "resources": ["twofactorpolicies", "twofactorbreakglasses", "jenkinsinstances"],
    "verbs": ["get", "create", "patch", "update"],
}


def writers(kube: KubeServer, namespace: str, *names: str) -> dict[str, Path]:
    """Kubeconfigs of accounts that may write policies and instances."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "writer"}, "rules": [WRITER]}
    kube.apply(role, namespace=namespace)
    found = {}
    for name in names:
        found[name] = kube.service_account(namespace, name)
        kube.kubectl("create", "rolebinding", name, "-n", namespace, "--role=writer", f"--serviceaccount={namespace}:{name}")
    return found


@pytest.fixture
def people(kube: KubeServer, namespace: str) -> dict[str, Path]:
    """Two accounts that may write policies and instances; one of them may also approve."""
    kube.kubectl("apply", "-f", str(EXAMPLE))
    found = writers(kube, namespace, "writer", "approver")
    kube.kubectl(
        "create", "rolebinding", "approves", "-n", namespace, "--clusterrole=jenkins2fa-approver", f"--serviceaccount={namespace}:approver"
    )
    for kind in KINDS:
        kube.apply(build(kind, {}), namespace=namespace)
    wait_until(lambda: refused(kube, namespace, found["writer"], "first"), seconds=20, what="the admission policy is in force")
    return found


def annotate(kube: KubeServer, namespace: str, who: Path, value: str, kind: str = "TwoFactorPolicy") -> None:
    change = f"{ANNOTATION}-" if not value else f"{ANNOTATION}={value}"
    kube.kubectl("annotate", "--overwrite", kind, "sample", "-n", namespace, change, kubeconfig=who)


def refused(kube: KubeServer, namespace: str, who: Path, value: str, kind: str = "TwoFactorPolicy") -> bool:
    try:
        annotate(kube, namespace, who, value, kind)
    except KubectlFailed as error:
        assert "may be set only by somebody with the verb approve" in str(error)
        return True
    annotate(kube, namespace, kube.kubeconfig, "", kind)
    return False


CHANGES = {
    "TwoFactorPolicy": '{"spec":{"priority":3}}',
    "TwoFactorBreakGlass": '{"metadata":{"labels":{"incident":"open"}}}',  # its spec cannot be changed
    "JenkinsInstance": '{"spec":{"checkInterval":"2h"}}',
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_approver_sets_or_changes_the_annotation(kube: KubeServer, namespace: str, people: dict[str, Path], kind: str) -> None:
    assert refused(kube, namespace, people["writer"], "abc", kind)
    annotate(kube, namespace, people["approver"], "abc", kind)
    assert refused(kube, namespace, people["writer"], "abc,other", kind)
    annotate(kube, namespace, people["writer"], "abc", kind)  # unchanged: no new approval
    kube.kubectl("patch", kind, "sample", "-n", namespace, "--type=merge", "-p", CHANGES[kind], kubeconfig=people["writer"])
    annotate(kube, namespace, people["writer"], "", kind)
    assert refused(kube, namespace, people["writer"], "abc", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_objects_cannot_be_created_with_the_annotation(kube: KubeServer, namespace: str, people: dict[str, Path], kind: str) -> None:
    body = build(kind, {}, name="new")
    body["metadata"] |= {"namespace": namespace, "annotations": {ANNOTATION: "abc"}}
    with pytest.raises(KubectlFailed, match="verb approve"):
        kube.kubectl("create", "-f", "-", input=json.dumps(body), kubeconfig=people["writer"])


def test_a_cluster_policy_needs_an_approver(kube: KubeServer, namespace: str, people: dict[str, Path]) -> None:
    role = {**WRITER, "resources": ["clustertwofactorpolicies"]}
    kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": namespace}, "rules": [role]})
    for name, cluster_role in (("writer", namespace), ("approver", namespace), ("approver", "jenkins2fa-approver")):
        binding = f"{namespace}-{name}-{cluster_role}"
        kube.kubectl("create", "clusterrolebinding", binding, f"--clusterrole={cluster_role}", f"--serviceaccount={namespace}:{name}")
    policy = build("ClusterTwoFactorPolicy", {"instanceSelector": {"matchLabels": {"of": "nobody"}}}, name=namespace)
    approved = {**policy, "metadata": {"name": namespace, "annotations": {ANNOTATION: "abc"}}}
    with pytest.raises(KubectlFailed, match="verb approve"):
        kube.kubectl("create", "-f", "-", input=json.dumps(approved), kubeconfig=people["writer"])
    kube.kubectl("create", "-f", "-", input=json.dumps(approved), kubeconfig=people["approver"])
    kube.kubectl("delete", "clustertwofactorpolicy", namespace)


# --- keep-baseline.yaml ---

ESCAPES = {
    "label dropped": {"metadata": {"labels": {"tier": None}}},
    "another value": {"metadata": {"labels": {"tier": "test"}}},
    "observed only": {"spec": {"access": "Observe", "gate": None}},
    "probed only": {"spec": {"access": "ProbeOnly", "gate": None, "canaries": [CANARY]}},
}


@pytest.fixture
def tenants(kube: KubeServer, namespace: str) -> dict[str, Path]:
    """Two accounts that may write instances in a namespace of the baseline, which has one instance; one may let it escape."""
    kube.kubectl("apply", "-f", str(BASELINE))
    kube.kubectl("label", "namespace", namespace, "jenkins2fa.dev/baseline=required")
    found = writers(kube, namespace, "tenant", "keeper")
    keeper = f"--serviceaccount={namespace}:keeper"
    kube.kubectl("create", "rolebinding", "keeps", "-n", namespace, "--clusterrole=jenkins2fa-baseline-keeper", keeper)
    body = build("JenkinsInstance", {})
    body["metadata"] |= {"labels": {"tier": "production"}}
    kube.apply(body, namespace=namespace)
    wait_until(lambda: not may(kube, namespace, found["tenant"], ESCAPES["label dropped"], dry=True), seconds=20, what="it is in force")
    return found


def may(kube: KubeServer, namespace: str, who: Path, change: object, *, dry: bool = False) -> bool:
    try:
        more = ["--dry-run=server"] if dry else []
        kube.kubectl("patch", "ji", "sample", "-n", namespace, "--type=merge", "-p", json.dumps(change), *more, kubeconfig=who)
    except KubectlFailed as error:
        assert "ask the platform team" in str(error)
        return False
    return True


@pytest.mark.parametrize("how", ESCAPES)
def test_only_the_platform_team_can_take_an_instance_out_of_the_baseline(
    kube: KubeServer, namespace: str, tenants: dict[str, Path], how: str
) -> None:
    assert not may(kube, namespace, tenants["tenant"], ESCAPES[how])
    assert may(kube, namespace, tenants["tenant"], {"spec": {"checkInterval": "2h"}, "metadata": {"labels": {"tier": "staging"}}})
    assert may(kube, namespace, tenants["keeper"], ESCAPES[how])


def test_instances_cannot_be_created_outside_the_baseline(kube: KubeServer, namespace: str, tenants: dict[str, Path]) -> None:
    labelled: dict[str, str] = {"tier": "production"}
    cases: tuple[tuple[dict[str, str], dict[str, object], bool], ...] = (
        ({}, {}, False),
        (labelled, {"access": "Observe", "gate": {}}, False),
        (labelled, {}, True),
    )
    for labels, spec, allowed in cases:
        body = build("JenkinsInstance", spec, name="new")
        body["metadata"] |= {"namespace": namespace, "labels": labels}
        try:
            kube.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body), kubeconfig=tenants["tenant"])
        except KubectlFailed as error:
            assert not allowed, str(error)
            assert "ask the platform team" in str(error)
        else:
            assert allowed


def test_other_namespaces_are_not_restricted(kube: KubeServer, namespace: str, tenants: dict[str, Path]) -> None:
    kube.kubectl("label", "namespace", namespace, "jenkins2fa.dev/baseline-")
    wait_until(lambda: may(kube, namespace, tenants["tenant"], ESCAPES["label dropped"]), seconds=20, what="the namespace is let go")
