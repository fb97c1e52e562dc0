"""The custom resources on a real API server: every rule, defaults, columns, explain, and the status subresource."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from jenkins2fa.cli.manifests import Manifest, parse_manifests
from jenkins2fa.cli.validate import check
from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.random_specs import TIMES, objects
from tests.support.rule_cases import RULES, SCHEMA, Case, build

PLURALS = {
    "TwoFactorPolicy": "twofactorpolicies",
    "ClusterTwoFactorPolicy": "clustertwofactorpolicies",
    "JenkinsInstance": "jenkinsinstances",
    "TwoFactorBreakGlass": "twofactorbreakglasses",
}


@pytest.fixture(scope="module")
def custom_objects(kube: KubeServer) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(str(kube.kubeconfig)))


def refusals(api: client.CustomObjectsApi, body: dict[str, Any]) -> list[tuple[str, str]]:
    """The API server's objections to an object in a dry run: field and message; empty if it accepts it."""
    try:
        more = {"dry_run": "All", "field_validation": "Strict"}
        if body["kind"] == "ClusterTwoFactorPolicy":
            api.create_cluster_custom_object("jenkins2fa.dev", "v1alpha1", PLURALS[body["kind"]], body, **more)
        else:
            api.create_namespaced_custom_object("jenkins2fa.dev", "v1alpha1", "default", PLURALS[body["kind"]], body, **more)
    except ApiException as error:
        status = json.loads(error.body)
        if error.status == 400:  # unknown fields, before any validation
            return [("", status["message"])]
        assert error.status == 422, status
        return [(cause.get("field", ""), cause["message"]) for cause in status["details"]["causes"]]
    return []


@pytest.mark.parametrize("case", RULES + SCHEMA, ids=lambda case: case.name)
def test_each_rule_accepts_valid_and_refuses_invalid_objects(custom_objects: client.CustomObjectsApi, case: Case) -> None:
    assert refusals(custom_objects, case.good()) == []
    found = refusals(custom_objects, case.bad())
    assert any(field == case.path and case.message in message for field, message in found), found


def test_a_refused_url_is_reported_without_its_password(custom_objects: client.CustomObjectsApi) -> None:
    found = refusals(custom_objects, build("JenkinsInstance", {"url": "https://me:hunter2@jenkins.example.com/?q"}))
    assert found
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("time", TIMES)
def test_times_are_read_as_the_api_server_reads_them(custom_objects: client.CustomObjectsApi, time: str) -> None:
    body = build("TwoFactorBreakGlass", {"instanceSelector": {}, "expiresAt": time, "reason": "INC-1234"})
    (manifest,) = parse_manifests("time.json", json.dumps(body).encode())
    assert isinstance(manifest, Manifest)
    assert bool(check(manifest)) == bool(refusals(custom_objects, body))


@given(body=objects())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_offline_check_agrees_with_the_api_server(custom_objects: client.CustomObjectsApi, body: dict[str, Any]) -> None:
    (manifest,) = parse_manifests("random.json", json.dumps(body).encode())
    assert isinstance(manifest, Manifest)
    offline, online = check(manifest), refusals(custom_objects, body)
    assert bool(offline) == bool(online), (offline, online)


@pytest.mark.parametrize("word", ["Off", "y", "n", "on", "No", "TRUE", "0777", "1_000", "1e3", "12", "~"])
def test_words_that_kubectl_does_not_parse_as_strings(kube: KubeServer, word: str) -> None:
    text = yaml.safe_dump(build("TwoFactorPolicy", {"exemptGroups": ["WORD"]})).replace("WORD", word)
    with pytest.raises(KubectlFailed):
        kube.kubectl("create", "--dry-run=server", "-f", "-", input=text)
    (manifest,) = parse_manifests("words.yaml", text.encode())
    assert isinstance(manifest, Manifest)
    assert [one.path for one in check(manifest)] == ["spec.exemptGroups[0]"]


@pytest.mark.parametrize("word", ["12:30", "2026-12-01", "1.2.3", "Of", "nO", "1h", "0x", "a_1", "'Off'"])
def test_words_that_kubectl_parses_as_strings(kube: KubeServer, word: str) -> None:
    text = yaml.safe_dump(build("TwoFactorPolicy", {"exemptGroups": ["WORD"]})).replace("WORD", word)
    kube.kubectl("create", "--dry-run=server", "-f", "-", input=text)
    (manifest,) = parse_manifests("words.yaml", text.encode())
    assert isinstance(manifest, Manifest)
    assert check(manifest) == []


@pytest.mark.parametrize("path", sorted((CHECKOUT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_accepted(kube: KubeServer, path: Path) -> None:
    assert "created" in kube.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_defaults_are_filled_in(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}), build("JenkinsInstance", {"caRef": {"name": "ca"}}), namespace=namespace)
    assert kube.get("tfp", "sample", "-n", namespace)["spec"] == {
        "instanceSelector": {},
        "mode": "Enforce",
        "allowedFactors": [{"type": "SecurityQuestions"}],
        "minimumAssurance": "AAL1",
        "driftPolicy": "Correct",
        "suspend": False,
        "deletionPolicy": "Retain",
        "priority": 0,
    }
    assert kube.get("ji", "sample", "-n", namespace)["spec"] == {
        "url": "https://jenkins.example.com/ci/",
        "credentialsRef": {"name": "build-jenkins"},
        "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
        "access": "Manage",
        "gate": {"mode": "Managed"},
        "checkInterval": "30s",
        "competingManager": "Refuse",
    }


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}


CONDITIONS = [
    condition("Ready", "True", "Applied", "all as asked"),
    condition("Enforced", "True", "Probed"),
    condition("Drifted", "False", "None"),
]


def write_status(kube: KubeServer, namespace: str, kind: str, status: dict[str, Any]) -> None:
    kube.kubectl("patch", kind, "sample", "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_columns_for_policies(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}), namespace=namespace)
    summary = {"instances": "2/3", "scope": "everyone", "factors": "EmailOTP+1"}
    write_status(kube, namespace, "tfp", {"summary": summary, "conditions": CONDITIONS})
    header, row = cells(kube.kubectl("get", "tfp", "-n", namespace))
    assert header == "NAME MODE SCOPE FACTORS INSTANCES ENFORCED DRIFTED READY REASON AGE".split()
    assert row[:-1] == "sample Enforce everyone EmailOTP+1 2/3 True False True Applied".split()
    header, row = cells(kube.kubectl("get", "tfp", "-n", namespace, "-o", "wide"))
    assert header[-1] == "MESSAGE"
    assert row[-3:] == ["all", "as", "asked"]


def test_columns_for_instances(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("JenkinsInstance", {}), namespace=namespace)
    jenkins = {"version": "2.462.3", "pluginVersion": "1.2.0", "edition": "Free", "session": "5f3a"}
    write_status(kube, namespace, "ji", {"summary": {"policy": "<none>"}, "jenkins": jenkins, "conditions": CONDITIONS})
    header, row = cells(kube.kubectl("get", "ji", "-n", namespace))
    assert header == "NAME URL VERSION POLICY ENFORCED DRIFTED READY REASON AGE".split()
    assert row[:-1] == "sample https://jenkins.example.com/ci/ 2.462.3 <none> True False True Applied".split()
    header, row = cells(kube.kubectl("get", "ji", "-n", namespace, "-o", "wide"))
    assert header[-5:] == "PLUGIN EDITION SESSION BREAK-GLASS MESSAGE".split()
    assert row[-6:] == "1.2.0 Free 5f3a all as asked".split()
    write_status(kube, namespace, "ji", {"breakGlass": {"until": "2026-12-01T12:00:00Z"}})
    assert cells(kube.kubectl("get", "ji", "-n", namespace, "-o", "wide"))[1][-4] == "2026-12-01T12:00:00Z"


def test_columns_for_break_glasses(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorBreakGlass", {}), namespace=namespace)
    ready = {**CONDITIONS[0], "type": "Ready", "reason": "Open"}
    write_status(kube, namespace, "tfbg", {"instances": {"selected": 3, "open": 2}, "conditions": [ready]})
    header, row = cells(kube.kubectl("get", "tfbg", "-n", namespace))
    assert header == "NAME STATE EXPIRES OPEN SELECTED REASON AGE".split()
    assert row[:-1] == "sample Open 2026-12-01T12:00:00Z 2 3 INC-1234".split()


@pytest.mark.parametrize(
    "change", [{"expiresAt": "2027-12-01T12:00:00Z"}, {"reason": "INC-2"}, {"instanceSelector": {"matchLabels": {"a": "b"}}}]
)
def test_a_break_glass_cannot_be_changed(kube: KubeServer, namespace: str, change: dict[str, Any]) -> None:
    kube.apply(build("TwoFactorBreakGlass", {}), namespace=namespace)
    with pytest.raises(KubectlFailed, match="is immutable: delete this TwoFactorBreakGlass, and create another one with a new reason"):
        kube.kubectl("patch", "tfbg", "sample", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": change}))
    kube.kubectl("annotate", "tfbg", "sample", "-n", namespace, "jenkins2fa.dev/approve-weakening=x")


def test_status_and_spec_are_written_separately(kube: KubeServer, namespace: str) -> None:
    kube.apply({**build("TwoFactorPolicy", {}), "status": {"observedGeneration": 7}}, namespace=namespace)
    assert "status" not in kube.get("tfp", "sample", "-n", namespace)
    write_status(kube, namespace, "tfp", {"observedGeneration": 1})
    kube.kubectl("patch", "tfp", "sample", "-n", namespace, "--subresource=status", "--type=merge", "-p", '{"spec":{"mode":"Disabled"}}')
    stored = kube.get("tfp", "sample", "-n", namespace)
    assert stored["spec"]["mode"] == "Enforce"
    assert stored["status"] == {"observedGeneration": 1}
    assert stored["metadata"]["generation"] == 1


FULL_STATUS: dict[str, dict[str, Any]] = {
    "tfp": {
        "observedGeneration": 3,
        "conditions": [condition(kind, "Unknown", "Unverified") for kind in ("Ready", "Reconciling", "Stalled", "Enforced", "Drifted")],
        "instances": {"selected": 4, "governed": 3, "overridden": 1, "enforced": 2, "drifted": 1, "failing": 1},
        "summary": {"instances": "2/3", "scope": "groups", "factors": "EmailOTP"},
        "failing": [{"namespace": "team", "name": f"jenkins-{number}", "reason": "Unreachable"} for number in range(10)],
    },
    "ji": {
        "observedGeneration": 3,
        "conditions": CONDITIONS,
        "jenkins": {"version": "2.462.3", "pluginVersion": "1.2.0", "edition": "Free", "session": "5f3a"},
        "policy": {"namespace": "team", "name": "production", "uid": "6f0e", "generation": 2},
        "summary": {"policy": "production"},
        "fields": [{"path": f"field{number}", "state": "Applied", "message": "m"} for number in range(32)],
        "gate": {"mode": "Managed", "sha256": "0" * 64, "state": "Active"},
        "trial": {"id": "t-1", "expires": "2026-12-01T12:00:00Z"},
    },
}
BAD_STATUS: list[tuple[str, dict[str, Any]]] = [
    ("tfp", {"failing": [{"namespace": "n", "name": f"j{number}", "reason": "r"} for number in range(11)]}),
    ("tfp", {"conditions": [condition("Ready", "Maybe", "Applied")]}),
    ("tfp", {"conditions": [condition("Ready", "True", "two words")]}),
    ("tfp", {"conditions": [condition("Ready", "True", "Applied"), condition("Ready", "False", "Applied")]}),
    ("ji", {"fields": [{"path": f"field{number}", "state": "Applied"} for number in range(33)]}),
    ("ji", {"fields": [{"path": "a", "state": "Lost"}]}),
    ("ji", {"fields": [{"path": "a", "state": "Applied"}, {"path": "a", "state": "Drifted"}]}),
]


@pytest.mark.parametrize("kind", ["tfp", "ji"])
def test_a_complete_status_is_kept(kube: KubeServer, namespace: str, kind: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}), build("JenkinsInstance", {}), namespace=namespace)
    write_status(kube, namespace, kind, FULL_STATUS[kind])
    assert kube.get(kind, "sample", "-n", namespace)["status"] == FULL_STATUS[kind]


def test_an_invalid_status_is_refused(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}), build("JenkinsInstance", {}), namespace=namespace)
    for kind, status in BAD_STATUS:
        with pytest.raises(KubectlFailed):
            write_status(kube, namespace, kind, status)


def test_the_category_lists_the_custom_resources(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}), build("JenkinsInstance", {}), namespace=namespace)
    names = kube.kubectl("get", "jenkins2fa", "-n", namespace, "-o", "name").split()
    assert sorted(names) == ["jenkinsinstance.jenkins2fa.dev/sample", "twofactorpolicy.jenkins2fa.dev/sample"]


def test_policies_can_be_selected_by_mode(kube: KubeServer, namespace: str) -> None:
    kube.apply(build("TwoFactorPolicy", {}, "one"), build("TwoFactorPolicy", {"mode": "Disabled"}, "two"), namespace=namespace)
    names = kube.kubectl("get", "tfp", "-n", namespace, "--field-selector=spec.mode=Disabled", "-o", "name")
    assert names.split() == ["twofactorpolicy.jenkins2fa.dev/two"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("tfp", "A TwoFactorPolicy describes the two-factor settings"),
        ("tfp.spec.mode", "Disabled: switch two-factor authentication off"),
        ("tfp.spec.allowedFactors.emailOTP.template", "must contain $otp, which stands for the one-time password"),
        ("tfp.status.conditions", "Stalled=True means that someone has to act"),
        ("ji.spec.credentialsRef", "sends the credentials nowhere else"),
        ("ji.spec.gate.mode", "Managed: the operator installs the gate"),
    ],
)
def test_kubectl_explain_describes_the_fields(kube: KubeServer, field: str, expected: str) -> None:
    assert expected in " ".join(kube.kubectl("explain", field).split())


def test_every_field_has_a_description(kube: KubeServer) -> None:
    for path in sorted((CHECKOUT / "crds").glob("*.yaml")):
        schema = yaml.safe_load(path.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert list(nameless(schema, "")) == [".metadata"]


def nameless(schema: dict[str, Any], path: str) -> Any:
    for name, child in schema.get("properties", {}).items():
        if not child.get("description"):
            yield f"{path}.{name}"
        yield from nameless(child.get("items", child), f"{path}.{name}")


@pytest.mark.parametrize("name", [f"{plural}.jenkins2fa.dev" for plural in PLURALS.values()])
def test_the_schema_is_structural_and_established(kube: KubeServer, name: str) -> None:
    conditions = {one["type"]: one["status"] for one in kube.get("crd", name)["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions
