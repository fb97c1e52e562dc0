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
WRITER = {"apiGroups": ["jenkins2fa.dev"], "resources": ["twofactorpolicies"], "verbs": ["get", "create", "patch", "update"]}


@pytest.fixture
def people(kube: KubeServer, namespace: str) -> dict[str, Path]:
    """Two accounts that may write policies; one of them may approve, too."""
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
    kube.apply(build("TwoFactorPolicy", {}), namespace=namespace)
    wait_until(lambda: refused(kube, namespace, found["writer"], "first"), seconds=20, what="the admission policy is in force")
    return found


def annotate(kube: KubeServer, namespace: str, who: Path, value: str) -> None:
    change = f"{ANNOTATION}-" if not value else f"{ANNOTATION}={value}"
    kube.kubectl("annotate", "--overwrite", "twofactorpolicy", "sample", "-n", namespace, change, kubeconfig=who)


def refused(kube: KubeServer, namespace: str, who: Path, value: str) -> bool:
    try:
        annotate(kube, namespace, who, value)
    except KubectlFailed as error:
        assert "may be set only by somebody with the verb approve" in str(error)
        return True
    annotate(kube, namespace, kube.kubeconfig, "")
    return False


def test_only_an_approver_sets_or_changes_the_annotation(kube: KubeServer, namespace: str, people: dict[str, Path]) -> None:
    assert refused(kube, namespace, people["writer"], "abc")
    annotate(kube, namespace, people["approver"], "abc")
    assert refused(kube, namespace, people["writer"], "other")
    annotate(kube, namespace, people["writer"], "abc")  # as it is: no new approval
    kube.kubectl(
        "patch", "twofactorpolicy", "sample", "-n", namespace, "--type=merge", "-p", '{"spec":{"priority":3}}', kubeconfig=people["writer"]
    )
    annotate(kube, namespace, people["writer"], "")
    assert refused(kube, namespace, people["writer"], "abc")


def test_a_policy_cannot_be_created_with_it(kube: KubeServer, namespace: str, people: dict[str, Path]) -> None:
    body = build("TwoFactorPolicy", {}, name="new")
    body["metadata"] |= {"namespace": namespace, "annotations": {ANNOTATION: "abc"}}
    with pytest.raises(KubectlFailed, match="verb approve"):
        kube.kubectl("create", "-f", "-", input=json.dumps(body), kubeconfig=people["writer"])
