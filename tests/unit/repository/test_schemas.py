"""The CRDs, derived files and the code agree on names, values, defaults, expressions and messages."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from jenkins2fa.api import fields, instance, meta, parse, policy, rules
from jenkins2fa.cli.manifests import data_folder
from tests.support.rule_cases import RULES, build

ROOT = Path(__file__).resolve().parents[3]
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in (yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml")))}


IMMUTABLE = "is immutable: delete this TwoFactorBreakGlass, and create another one with a new reason"  # only an API server has the former


def root(kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def at(kind: str, path: str) -> dict[str, Any]:
    """The schema of one field, such as spec.driftPolicy; [] steps into a list."""
    schema = root(kind)
    for step in path.split("."):
        schema = schema["properties"][step.removesuffix("[]")]
        schema = schema["items"] if step.endswith("[]") else schema
    return schema


def rules_below(schema: dict[str, Any]) -> Iterator[dict[str, str]]:
    yield from schema.get("x-kubernetes-validations", ())
    for child in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from rules_below(child)


@pytest.fixture(scope="module")
def derive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive", ROOT / "tools" / "derive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_derived_files_are_current(derive: ModuleType) -> None:
    for path, text in derive.derived_files().items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run python tools/derive.py"


def test_check_names_a_stale_file(
    derive: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crds").mkdir()
    for path in (ROOT / "crds").glob("*.yaml"):
        (tmp_path / "crds" / path.name).write_text(path.read_text())
    monkeypatch.setattr(derive, "ROOT", tmp_path)
    assert derive.main(["--check"]) == 1
    assert derive.main([]) == 0
    assert derive.main(["--check"]) == 0
    (tmp_path / "docs" / "fields.md").write_text("old")
    capsys.readouterr()
    assert derive.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/fields.md is out of date: run python tools/derive.py\n"


def test_field_reference_names_every_field_and_rule() -> None:
    text = (ROOT / "docs" / "fields.md").read_text()
    for kind in CRDS:
        for entry in rules_below(root(kind)["properties"]["spec"]):
            assert f"Rule: {entry['message']}." in text
    for name in ("spec.instanceSelector.matchExpressions[].operator", "spec.canaries[].secretRef.name", "status.failing[].reason"):
        assert f"| `{name}` (required) |" in text


@pytest.mark.parametrize("name", [*(f"{kind.lower()}_v1alpha1.json" for kind in CRDS), "all.json"])
def test_schemas_are_sound(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((ROOT / "schemas" / name).read_text()))


def test_plain_json_schema_accepts_the_examples_and_refuses_unknown_fields() -> None:
    folder = ROOT / "schemas"
    registry = Registry().with_resources(
        (path.name, Resource.from_contents(json.loads(path.read_text()))) for path in folder.glob("*.json")
    )
    validator = Draft202012Validator({"$ref": "all.json"}, registry=registry)
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text()):
            if body["apiVersion"] != meta.API_VERSION:
                continue
            if "expiresAt" in body["spec"]:
                body["spec"]["expiresAt"] = "2026-12-01T12:00:00Z"  # PyYAML makes a datetime of it
            if "rollout" in body["spec"]:
                body["spec"]["rollout"]["graceUntil"] = "2026-12-01T12:00:00Z"
            assert validator.is_valid(body), path
            body["spec"]["surprise"] = 1
            assert not validator.is_valid(body), path
    assert not validator.is_valid(build("TwoFactorPolicy", {"rememberDevice": "1d"}))
    assert not validator.is_valid(build("TwoFactorPolicy", {"enforcedGroups": []}))


def test_checkout_and_package_have_the_same_folders() -> None:
    assert {path.name for path in data_folder("crds").glob("*.yaml")} == {path.name for path in (ROOT / "crds").glob("*.yaml")}
    assert (data_folder("schemas") / "all.json").is_file()


def test_every_rule_of_the_crds_has_a_test_case() -> None:
    messages = {entry["message"] for kind in CRDS for entry in rules_below(root(kind))}
    assert messages == {case.message for case in RULES} | {IMMUTABLE}


EXPRESSIONS = [
    ("JenkinsInstance", "spec", rules.URL),
    ("JenkinsInstance", "spec", rules.USER_IN_URL),
    ("JenkinsInstance", "spec", rules.LOOPBACK_URL),
    ("TwoFactorPolicy", "spec.allowedFactors[].emailOTP.senderAddress", rules.ADDRESS),
    ("TwoFactorPolicy", "spec.rememberDevice", fields.DURATION_PATTERN),
    ("TwoFactorPolicy", "spec.requireOnBuild.window", fields.DURATION_PATTERN),
    ("JenkinsInstance", "spec.checkInterval", fields.DURATION_PATTERN),
]


@pytest.mark.parametrize(("kind", "path", "expression"), EXPRESSIONS)
def test_expressions_match_the_code(kind: str, path: str, expression: str) -> None:
    in_cel = expression.replace("\\", "\\\\")
    assert any(f"matches('^{in_cel}" in entry["rule"] for entry in at(kind, path)["x-kubernetes-validations"])


ENUMS: list[tuple[str, str, type[StrEnum]]] = [
    ("TwoFactorPolicy", "spec.mode", policy.PolicyMode),
    ("TwoFactorPolicy", "spec.allowedFactors[].type", policy.Factor),
    ("TwoFactorPolicy", "spec.apiTokens", policy.ApiTokens),
    ("TwoFactorPolicy", "spec.minimumAssurance", policy.Assurance),
    ("TwoFactorPolicy", "spec.driftPolicy", policy.DriftPolicy),
    ("TwoFactorPolicy", "spec.deletionPolicy", policy.DeletionPolicy),
    ("TwoFactorPolicy", "spec.allowedFactors[].smsOTP.gateway", policy.SMSGateway),
    ("JenkinsInstance", "spec.access", instance.Access),
    ("JenkinsInstance", "spec.gate.mode", instance.GateMode),
    ("JenkinsInstance", "spec.caRef.kind", instance.AuthorityKind),
    ("JenkinsInstance", "spec.canaries[].expect", instance.Expectation),
    ("JenkinsInstance", "spec.competingManager", instance.CompetingManager),
    ("JenkinsInstance", "spec.provider", instance.Provider),
]


@pytest.mark.parametrize(("kind", "path", "values"), ENUMS)
def test_enumerations_match_the_code(kind: str, path: str, values: type[StrEnum]) -> None:
    assert set(at(kind, path)["enum"]) == {str(member) for member in values}


def filled(schema: dict[str, Any], value: Any) -> Any:
    """A value with the defaults of its schema, as the API server fills them in."""
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for name, child in schema.get("properties", {}).items():
        if name not in result and "default" in child:
            result[name] = child["default"]
        if name in result:
            result[name] = filled(child, result[name])
    return result


def test_defaults_match_the_code() -> None:
    bare = build("TwoFactorPolicy", {})
    assert filled(root("TwoFactorPolicy"), bare) != bare
    assert parse.parse_policy(filled(root("TwoFactorPolicy"), bare)) == parse.parse_policy(bare)
    bare = build("JenkinsInstance", {"caRef": {"name": "ca"}})
    assert filled(root("JenkinsInstance"), bare) != bare
    assert parse.parse_instance(filled(root("JenkinsInstance"), bare)) == parse.parse_instance(bare)


def test_names_match_the_code() -> None:
    for kind, plural, short in ((policy.KIND, policy.PLURAL, "tfp"), (instance.KIND, instance.PLURAL, "ji")):
        spec = CRDS[kind]["spec"]
        assert (spec["group"], spec["versions"][0]["name"]) == (meta.GROUP, meta.VERSION)
        assert (spec["names"]["plural"], spec["names"]["shortNames"]) == (plural, [short])
        assert CRDS[kind]["metadata"]["name"] == f"{plural}.{meta.GROUP}"


def test_conditions_have_the_same_schema_everywhere() -> None:
    assert at("TwoFactorPolicy", "status.conditions") == at("JenkinsInstance", "status.conditions")
