"""examples/admission: only holders of the verb approve may set the annotation that lets a weakening through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.rule_cases import build
from tests.support.waiting import wait_until

EXAMPLE = CHECKOUT / "examples" / "admission" / "approve-weakening.yaml"
ANNOTATION = "jenkins2fa.dev/approve-weakening"
KINDS = ("TwoFactorPolicy", "JenkinsInstance")
WRITER = {
    "apiGroups": ["jenkins2fa.dev"],
    "resources": ["twofactorpolicies", "jenkinsinstances"],
    "verbs": ["get", "create", "patch", "update"],
}


@pytest.fixture
def people(kube: KubeServer, namespace: str) -> dict[str, Path]:
    """Two accounts that may write policies and instances; one of them may approve, too."""
    kube.kubectl("apply", "-f", str(EXAMPLE))
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "writer"}, "rules": [WRITER]}
    kube.apply(role, namespace=namespace)
    found = {}
    for name in ("writer", "approver"):
        found[name] = kube.service_account(namespace, name)
        kube.kubectl("create", "rolebinding", name, "-n", namespace, "--role=writer", f"--serviceaccount={namespace}:{name}")
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


CHANGES = {"TwoFactorPolicy": '{"spec":{"priority":3}}', "JenkinsInstance": '{"spec":{"checkInterval":"2h"}}'}


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_approver_sets_or_changes_the_annotation(kube: KubeServer, namespace: str, people: dict[str, Path], kind: str) -> None:
    assert refused(kube, namespace, people["writer"], "abc", kind)
    annotate(kube, namespace, people["approver"], "abc", kind)
    assert refused(kube, namespace, people["writer"], "abc,other", kind)
    annotate(kube, namespace, people["writer"], "abc", kind)  # as it is: no new approval
    kube.kubectl("patch", kind, "sample", "-n", namespace, "--type=merge", "-p", CHANGES[kind], kubeconfig=people["writer"])
    annotate(kube, namespace, people["writer"], "", kind)
    assert refused(kube, namespace, people["writer"], "abc", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_can_be_created_with_it(kube: KubeServer, namespace: str, people: dict[str, Path], kind: str) -> None:
    body = build(kind, {}, name="new")
    body["metadata"] |= {"namespace": namespace, "annotations": {ANNOTATION: "abc"}}
    with pytest.raises(KubectlFailed, match="verb approve"):
        kube.kubectl("create", "-f", "-", input=json.dumps(body), kubeconfig=people["writer"])
