"""The values of the chart: what helm renders from them, and that a real API server accepts it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.charted import CHART, RELEASE, one, refusal, rendered
from tests.support.kube import CHECKOUT, KubeServer
from tests.support.running import NAMESPACE

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
JENKINS = {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [443, 8443]}
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "cluster-wide with other limits": {"workers": 200, "longestBreakGlass": "1h30m"},
    "namespaces": {"watchNamespaces": ["one", "two"]},
    "own namespace": {"watchNamespaces": [NAMESPACE]},
    "rights of somebody else": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}},
    "references by name": {"rbac": {"references": {"one": {"secrets": ["build", "canary.two"]}, "two": {"configMaps": ["ca"]}}}},
    "every reference": {"rbac": {"everyReference": True}},
    "every reference of some namespaces": {"watchNamespaces": ["one"], "rbac": {"everyReference": True}},
    "closed network": {"networkPolicy": {"egress": True, "jenkins": [JENKINS]}},
    "open to everybody, but closed outwards": {"networkPolicy": {"ingress": False, "egress": True, "jenkins": [JENKINS]}},
    "an open network": {"networkPolicy": {"ingress": False}},
    "closed network, open for monitoring": {
        "networkPolicy": {
            "egress": True,
            "apiServer": {"cidrs": ["10.0.0.1/32", "fd00::1/128"], "ports": [6443]},
            "dns": {"namespace": "dns", "podLabels": {"k8s-app": "dns"}, "ports": [53, 5353]},
            "jenkins": [JENKINS, {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "jenkins"}}}], "ports": [8080]}],
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        },
    },
    "monitoring": {
        "metrics": {
            "service": {"annotations": {"a/b": "c"}},
            "podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        },
    },
    "evidence": {
        "evidence": {
            "enabled": True,
            "volume": {"persistentVolumeClaim": {"claimName": "evidence"}},
            "signingKeySecret": {"name": "evidence-key"},
        },
    },
    "everything about the pod": {
        "image": {"repository": "registry.example.com:5000/platform/operator", "digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "replicas": 2,
        "fullnameOverride": "two-factor",
        "verbose": True,
        "allowLoopback": True,
        "requireApproval": True,
        "logFormat": "plain",
        "serviceAccount": {"name": "another", "annotations": {"a": "b"}},
        "runAsUser": None,
        "env": [{"name": "TZ", "value": "Europe/Berlin"}],
        "podAnnotations": {"a": "b"},
        "podLabels": {"team": "platform"},
        "priorityClassName": "important",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": []}]}}},
        "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
    },
    "without kinds and metrics": {"crds": {"install": False}, "metrics": {"enabled": False}},
}
NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "a value that does not exist": ({"watchNamespace": "one"}, "additional properties 'watchNamespace' not allowed"),
    "a text for a list": ({"watchNamespaces": "one"}, "'/watchNamespaces': got string, want array"),
    "no namespace": ({"watchNamespaces": ["One_Two"]}, "'/watchNamespaces/0': 'One_Two' does not match pattern"),
    "the same namespace twice": ({"watchNamespaces": ["one", "one"]}, "'/watchNamespaces': items at 0 and 1 are equal"),
    "three replicas": ({"replicas": 3}, "'/replicas': maximum: got 3, want 2"),
    "an image that moves": ({"image": {"tag": "latest"}}, "'/image/tag': 'not' failed"),
    "half a digest": ({"image": {"digest": "sha256:abc"}}, "'/image/digest'"),
    "root": ({"runAsUser": 0}, "'/runAsUser': minimum: got 0, want 1"),
    "a duration without unit": ({"longestBreakGlass": "4"}, "'/longestBreakGlass': '4' does not match pattern"),
    "an account of somebody else without its name": ({"serviceAccount": {"create": False}}, "'/serviceAccount/name': minLength"),
    "a closed network without a Jenkins": ({"networkPolicy": {"egress": True}}, "'/networkPolicy/jenkins': minItems: got 0, want 1"),
    "a reference that nothing is named in": ({"rbac": {"references": {"one": {}}}}, "'/rbac/references/one': minProperties"),
    "some references and every reference": (
        {"rbac": {"everyReference": True, "references": {"one": {"secrets": ["a"]}}}},
        "'/rbac/references': maxProperties",
    ),
    "evidence that is kept nowhere": ({"evidence": {"enabled": True}}, "'/evidence/volume': minProperties: got 0, want 1"),
    "a port that there is not": (
        {"networkPolicy": {"jenkins": [{"to": [{"podSelector": {}}], "ports": [0]}]}},
        "'/networkPolicy/jenkins/0/ports/0': minimum",
    ),
    "a name server that listens nowhere": ({"networkPolicy": {"dns": {"ports": []}}}, "'/networkPolicy/dns/ports': minItems"),
    "runbooks that are no address": ({"metrics": {"prometheusRule": {"runbookUrl": "docs"}}}, "'/metrics/prometheusRule/runbookUrl'"),
    "a Jenkins that is everywhere": (
        {"networkPolicy": {"jenkins": [{"to": [], "ports": [443]}]}},
        "'/networkPolicy/jenkins/0/to': minItems",
    ),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubeServer]:
    """An API server with every object that the values refer to; it gets only dry runs."""
    with KubeServer() as kube:
        kube.new_namespace(NAMESPACE, **RESTRICTED)
        for name in ("one", "two", "platform"):
            kube.new_namespace(name)
        kube.apply(*(_monitoring(kind) for kind in ("PodMonitor", "PrometheusRule")))
        kube.apply({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "important"}, "value": 1000})
        kube.kubectl("create", "serviceaccount", "given", "-n", NAMESPACE)
        kube.kubectl("create", "serviceaccount", RELEASE, "-n", NAMESPACE)  # pods are only admitted with one
        kube.kubectl("create", "serviceaccount", "another", "-n", NAMESPACE)
        kube.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        yield kube


@pytest.mark.parametrize("name", MATRIX)
def test_the_api_server_accepts_the_rendered_objects(cluster: KubeServer, name: str) -> None:
    objects = rendered(cluster, MATRIX[name])
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    told = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-", input=items)
    assert len(told.splitlines()) == len(objects)
    namespaces = {body["metadata"].get("namespace", "") for body in objects}
    named = (*MATRIX[name].get("watchNamespaces", ()), *MATRIX[name].get("rbac", {}).get("references", {}))
    assert namespaces <= {"", NAMESPACE, "platform", *named}


@pytest.mark.parametrize("name", MATRIX)
def test_pods_are_admitted_where_pod_security_is_restricted(cluster: KubeServer, name: str) -> None:
    template = one(rendered(cluster, MATRIX[name]), "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "pod", "namespace": NAMESPACE}}
    cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps({**pod, "spec": template["spec"]}))
    container = template["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_pod_security_refuses_a_privileged_pod(cluster: KubeServer) -> None:
    template = one(rendered(cluster, {}), "Deployment")["spec"]["template"]
    del template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": NAMESPACE}, "spec": template["spec"]}
    with pytest.raises(Exception, match="allowPrivilegeEscalation"):
        cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))


@pytest.mark.parametrize("name", NONSENSE)
def test_invalid_values_are_refused_and_named(cluster: KubeServer, name: str) -> None:
    values, words = NONSENSE[name]
    assert words in refusal(cluster, values)


def test_lint_reports_nothing(cluster: KubeServer, tmp_path: Path) -> None:
    for name, values in MATRIX.items():
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        told = cluster.helm("lint", "--strict", str(CHART), "-f", str(file))
        assert "0 chart(s) failed" in told, name
        assert "WARNING" not in told


def test_metrics_are_closed_by_default(cluster: KubeServer) -> None:
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    for sources, ingress in (
        ([], []),
        ([monitoring], [{"from": [monitoring], "ports": [{"port": "health", "protocol": "TCP"}]}]),
    ):
        objects = rendered(cluster, {"networkPolicy": {"metricsFrom": sources}})
        policy, pod = one(objects, "NetworkPolicy")["spec"], one(objects, "Deployment")["spec"]["template"]
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert (policy["policyTypes"], policy["ingress"], "egress" in policy) == (["Ingress"], ingress, False)
        assert [port["name"] for port in pod["spec"]["containers"][0]["ports"]] == ["health"]
    assert not [body for body in rendered(cluster, {"networkPolicy": {"ingress": False}}) if body["kind"] == "NetworkPolicy"]


def test_references_are_read_by_name_by_default(cluster: KubeServer) -> None:
    named = {"rbac": {"references": {"one": {"secrets": ["build"]}}}}
    for values, expected in (({}, []), (named, [("one", ["build"])]), ({"rbac": {"everyReference": True}}, [("", None)])):
        objects = rendered(cluster, values)
        rules = [
            (body["metadata"].get("namespace", ""), rule.get("resourceNames"))
            for body in objects
            for rule in body.get("rules") or ()
            if {"secrets", "configmaps"} & set(rule["resources"])
        ]
        assert rules == expected


def test_a_namespaced_installation_has_no_cluster_wide_objects(cluster: KubeServer) -> None:
    kinds = {body["kind"] for body in rendered(cluster, {"watchNamespaces": ["one"], "crds": {"install": False}})}
    assert not {kind for kind in kinds if kind.startswith("Cluster")}


def test_crds_of_the_chart_match_the_repository(cluster: KubeServer) -> None:
    charted = [body for body in rendered(cluster, {}) if body["kind"] == "CustomResourceDefinition"]
    ours = [yaml.safe_load(path.read_text()) for path in sorted((CHECKOUT / "crds").glob("*.yaml"))]
    for body in charted:
        assert body["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert body["metadata"].pop("labels")
    assert sorted(charted, key=lambda body: str(body["metadata"]["name"])) == ours


def test_alerts_link_to_the_configured_pages(cluster: KubeServer) -> None:
    def links(**rule: str) -> dict[str, str]:
        body = one(rendered(cluster, {"metrics": {"prometheusRule": {"enabled": True, **rule}}}), "PrometheusRule")
        return {alert["alert"]: alert["annotations"]["runbook_url"] for alert in body["spec"]["groups"][0]["rules"]}

    paths = links()
    assert all((CHECKOUT / path).is_file() for path in paths.values())
    base = "https://git.example.com/2fa/blob/v1/docs/runbooks"
    for given in (base, f"{base}/"):
        assert links(runbookUrl=given) == {name: f"{base}/{name}.md" for name in paths}


def test_the_network_policy_allows_dns_at_the_configured_ports(cluster: KubeServer) -> None:
    def asked(**dns: Any) -> list[tuple[int, str]]:
        policy = one(rendered(cluster, {"networkPolicy": {"egress": True, "jenkins": [JENKINS], "dns": dns}}), "NetworkPolicy")
        return [(port["port"], port["protocol"]) for port in policy["spec"]["egress"][0]["ports"]]

    assert asked() == [(53, "UDP"), (53, "TCP")]
    assert asked(namespace="openshift-dns", ports=[5353]) == [(5353, "UDP"), (5353, "TCP")]


def test_documented_commands_work(cluster: KubeServer) -> None:
    """Render each documented helm command that sets values: a value that does not exist would be refused."""
    text = (CHECKOUT / "docs" / "installation.md").read_text()
    commands = [shlex.split(line) for line in map(str.strip, text.splitlines()) if line.startswith(("helm install ", "helm upgrade "))]
    assert len(commands) >= 5
    for command in commands:
        arguments = [part for part in command[2:] if part not in ("--reuse-values", "--create-namespace")]
        assert arguments[1] == "charts/jenkins-2fa-operator"
        assert cluster.helm("template", arguments[0], str(CHART), *arguments[2:])


def _monitoring(kind: str) -> dict[str, Any]:
    """A CRD of the Prometheus operator with the fields that the chart sets; strict validation refuses any others."""
    text, texts = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
    rule = {"alert": text, "expr": text, "for": text, "labels": texts, "annotations": texts}
    rules = {"type": "array", "items": {"type": "object", "required": ["expr"], "properties": rule}}
    group = {"name": text, "interval": text, "rules": rules}
    endpoint = {"port": text, "interval": text}
    specs: dict[str, dict[str, Any]] = {
        "PodMonitor": {
            "selector": {"type": "object", "properties": {"matchLabels": texts}},
            "podMetricsEndpoints": {"type": "array", "items": {"type": "object", "properties": endpoint}},
        },
        "PrometheusRule": {"groups": {"type": "array", "items": {"type": "object", "properties": group}}},
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": specs[kind]}}}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
