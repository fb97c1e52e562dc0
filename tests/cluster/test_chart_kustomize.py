"""The Kustomize base makes the same objects as the chart with its defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.charted import Body, rendered
from tests.support.kube import CHECKOUT, KubeServer
from tests.support.rights import single_rights
from tests.support.running import NAMESPACE

OF_HELM = ("app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart")
# Labels that nothing selects by; the plain manifests in deploy/ have fewer of them.
OF_PEOPLE = ("app.kubernetes.io/name", "app.kubernetes.io/instance")
SET_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "labels", "annotations")


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubeServer]:
    with KubeServer() as kube:
        kube.new_namespace(NAMESPACE)
        yield kube


def test_kustomize_base_and_chart_make_the_same_objects(cluster: KubeServer) -> None:
    based = taken(cluster, list(yaml.safe_load_all(cluster.kubectl("kustomize", str(CHECKOUT / "config")))))
    charted = taken(cluster, [body for body in rendered(cluster, {}) if body["kind"] != "Pod"])
    assert based.pop(("Namespace", "", NAMESPACE))
    assert list(based) == list(charted)
    for key, body in based.items():
        assert body == charted[key], key


def test_an_overlay_sets_another_namespace_and_image(cluster: KubeServer, tmp_path: Path) -> None:
    overlay = CHECKOUT / "examples" / "gitops" / "kustomize-overlay"
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(overlay))))
    assert {body["metadata"].get("namespace", "") for body in objects} == {"", "two-factor"}
    text = json.dumps(objects)
    assert NAMESPACE + '"' not in text.replace("app.kubernetes.io/instance", "")
    deployment = next(body for body in objects if body["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.com/platform/jenkins-2fa-operator:0.1.0"
    assert container["args"][-1] == "--longest-break-glass=1h"
    cluster_role = next(body for body in objects if body["kind"] == "ClusterRole" and body["metadata"]["name"] == "jenkins-2fa-operator")
    verbs = {right.verb for rule in cluster_role["rules"] for right in single_rights(rule, "") if right.resource == "namespaces"}
    assert verbs == {"get", "list", "watch"}


def taken(kube: KubeServer, objects: list[Body]) -> dict[tuple[str, str, str], Body]:
    """Objects as the API server would store them, without labels about their origin; rules as sets of single rights."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    answer = json.loads(kube.kubectl("apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-", input=items))
    return dict(sorted((key_of(body), plain(body)) for body in answer["items"]))


def key_of(body: Mapping[str, Any]) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


def plain(body: Body) -> Body:
    labels = body["metadata"].get("labels") or {}
    kept = {name: value for name, value in body["metadata"].items() if name not in SET_BY_SERVER}
    found = {**body, "metadata": kept, "other labels": {k: v for k, v in labels.items() if k not in (*OF_HELM, *OF_PEOPLE)}}
    found.pop("status", None)
    if "rules" in body:
        rights = [right for rule in body["rules"] for right in single_rights(rule, "")]
        assert len(set(rights)) == len(rights), "a right is granted twice"
        found["rules"] = set(rights)
    if body["kind"] == "Service":
        for name in ("clusterIP", "clusterIPs"):
            found["spec"].pop(name, None)
    return found
