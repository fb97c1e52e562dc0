"""``jenkins2fa validate``: one line per error, with file, line, field and what to do; never a traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.parse import parse_instance, parse_policy
from jenkins2fa.cli.validate import FORMS
from tests.support.rule_cases import RULES, SCHEMA, Case, build
from tests.support.validating import HEAD, findings, lines, run

ROOT = Path(__file__).resolve().parents[3]
KINDS = "TwoFactorPolicy, ClusterTwoFactorPolicy, JenkinsInstance, TwoFactorBreakGlass"


@pytest.mark.parametrize("case", RULES + SCHEMA, ids=lambda case: case.name)
def test_rules_match_the_api_server(case: Case) -> None:
    assert findings(case.good()) == []
    found = findings(case.bad())
    assert any(one.path == case.path and (case.offline or case.message) in one.message for one in found), found


@pytest.mark.parametrize("case", RULES, ids=lambda case: case.name)
def test_one_error_is_one_finding(case: Case) -> None:
    assert len([one for one in findings(case.bad()) if one.path == case.path]) == 1 or case.name.startswith("url")


# Messages


def test_a_line_names_file_object_field_and_what_to_do() -> None:
    text = HEAD + "spec:\n  instanceSelector: {}\n  mode: Off\n"
    assert lines(text) == ["6: TwoFactorPolicy/sample: spec.mode: must be one of Enforce, Audit, Disabled, but YAML reads Off as false"]


@pytest.mark.parametrize(
    ("kind", "spec", "path", "message"),
    [
        ("TwoFactorPolicy", {"enforcement": "Report"}, "enforcement", "write mode: Audit instead"),
        ("TwoFactorPolicy", {"enforcement": False}, "enforcement", "write mode: Disabled instead"),
        ("TwoFactorPolicy", {"drift": {"mode": "Report"}}, "drift", "write driftPolicy: Report instead"),
        ("TwoFactorPolicy", {"allowedFactors": ["EmailOTP"]}, "allowedFactors[0]", "must be a mapping: write {type: EmailOTP}"),
        ("TwoFactorPolicy", {"emailOTP": {}}, "emailOTP", "move it into the entry of allowedFactors whose type is EmailOTP"),
        ("TwoFactorPolicy", {"smsOTP": {}}, "smsOTP", "move it into the entry of allowedFactors whose type is SMSOTP"),
        ("TwoFactorPolicy", {"rollout": {"stage": "Report"}}, "rollout.stage", "write mode: Audit in spec instead"),
        (
            "TwoFactorPolicy",
            {"rollout": {"stage": "Grace"}},
            "rollout.stage",
            "leave it out: with graceUntil the first enforcement waits",
        ),
        (
            "JenkinsInstance",
            {"probes": {"challenged": {"secretRef": {"name": "canary"}}}},
            "probes",
            "write canaries: [{name: person, expect: Challenged, secretRef: {name: canary}}] instead",
        ),
        (
            "JenkinsInstance",
            {"acknowledgeCompetingManager": True},
            "acknowledgeCompetingManager",
            "write competingManager: Override instead",
        ),
    ],
)
def test_fields_of_drafts_are_reported_with_their_replacement(kind: str, spec: dict[str, Any], path: str, message: str) -> None:
    body = build(kind, spec)
    assert [(one.path, one.message) for one in findings(body)] == [(f"spec.{path}", message)]
    with pytest.raises(InvalidObject, match=re.escape(f"spec.{path}: {message}")):
        (parse_policy if kind == "TwoFactorPolicy" else parse_instance)(body)


def test_an_unknown_field_gets_a_suggestion() -> None:
    text = HEAD + "spec:\n  instanceSelector: {}\n  mode: Audit\n  exemptGroup: [a]\n  requireonbuild: {}\n"
    assert lines(text) == [
        "7: TwoFactorPolicy/sample: spec.exemptGroup: unknown field: did you mean exemptGroups?",
        "8: TwoFactorPolicy/sample: spec.requireonbuild: unknown field: did you mean requireOnBuild?",
    ]


def test_an_unknown_field_without_a_suggestion() -> None:
    text = HEAD + "spec:\n  instanceSelector: {}\n  mode: Audit\n  requireOnBuild:\n    window: 15m\n    zzz: 1\n"
    assert lines(text) == ["9: TwoFactorPolicy/sample: spec.requireOnBuild.zzz: unknown field: known fields are window"]


def test_a_duplicate_field_is_reported() -> None:
    text = HEAD + "spec:\n  instanceSelector: {}\n  mode: Audit\n  mode: Audit\n"
    assert lines(text) == ["7: TwoFactorPolicy/sample: spec.mode: is given twice; only the last one counts"]


def test_a_numeric_label_is_reported() -> None:
    text = HEAD.replace("sample", "sample, labels: {tier: 1}") + "spec: {instanceSelector: {}, mode: Audit}\n"
    assert lines(text) == [
        '3: TwoFactorPolicy/sample: metadata.labels.tier: must be a string, but YAML reads 1 as a number: write "1" in quotes'
    ]


def test_an_invalid_object_name_is_reported() -> None:
    text = HEAD.replace("sample", "Sample") + "spec: {instanceSelector: {}, mode: Audit}\n"
    assert lines(text) == [
        "3: TwoFactorPolicy/Sample: metadata.name: must be a name of lowercase letters, digits, '-' and '.', "
        "such as build-jenkins, is 'Sample'"
    ]


def test_a_field_replaced_by_a_resource_names_the_resource() -> None:
    (found,) = findings(build("TwoFactorPolicy", {"breakGlass": {"until": "2026-12-01T12:00:00Z", "reason": "INC-1"}}))
    assert found.path == "spec.breakGlass"
    assert "write a TwoFactorBreakGlass with instanceSelector, expiresAt and reason" in found.message


def test_a_namespace_selector_in_a_policy_suggests_a_cluster_policy() -> None:
    (found,) = findings(build("TwoFactorPolicy", {"namespaceSelector": {}}))
    assert found.message == "only a ClusterTwoFactorPolicy selects namespaces: write one, or leave it out"


def test_rules_are_checked_beside_other_errors_if_their_fields_are_valid() -> None:
    both = findings(build("TwoFactorPolicy", {"allowedFactors": [{"type": "EmailOTP"}], "priority": "high", "requireOnBuild": {}}))
    assert [(one.path, one.message.split(":")[0]) for one in both] == [
        ("spec.allowedFactors[0].emailOTP", "required because type is EmailOTP"),
        ("spec.priority", "must be an integer, is a string"),
        ("spec.requireOnBuild.window", "required"),
    ]
    unsound = findings(build("TwoFactorPolicy", {"allowedFactors": [{"type": "emailOTP2", "emailOTP": {"senderAddress": "a@b"}}]}))
    assert [one.path for one in unsound] == ["spec.allowedFactors[0].type"]  # it is unclear whether EmailOTP was meant


def test_every_pattern_is_described_in_words() -> None:
    """Findings describe the expected form in words and never show a regular expression."""
    told = {pattern for kind in ("twofactorpolicy", "jenkinsinstance") for pattern in _patterns(kind)}
    assert told - set(FORMS) == set()


def _patterns(kind: str) -> set[str]:
    found: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            found.update([node["pattern"]] if isinstance(node.get("pattern"), str) else [])
            for child in node.values():
                collect(child)
        elif isinstance(node, list):
            for child in node:
                collect(child)

    collect(json.loads((ROOT / "schemas" / f"{kind}_v1alpha1.json").read_text()))
    return found


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        ("jenkins2fa.dev/v1", "TwoFactorPolicy", "apiVersion: must be jenkins2fa.dev/v1alpha1, is 'jenkins2fa.dev/v1'"),
        ("jenkins-2fa.dev/v1alpha1", "TwoFactorPolicy", "apiVersion: must be jenkins2fa.dev/v1alpha1, is 'jenkins-2fa.dev/v1alpha1'"),
        (
            "jenkins2fa.dev/v1alpha1",
            "TwofactorPolicies",
            f"kind: must be one of {KINDS}, is 'TwofactorPolicies': did you mean TwoFactorPolicy?",
        ),
        (
            "jenkins2fa.dev/v1alpha1",
            "jenkinsInstanc",
            f"kind: must be one of {KINDS}, is 'jenkinsInstanc': did you mean JenkinsInstance?",
        ),
        ("jenkins2fa.dev/v1alpha1", "Widget", f"kind: must be one of {KINDS}, is 'Widget'"),
    ],
)
def test_a_misspelt_kind_or_version_gets_a_suggestion(version: str, kind: str, expected: str) -> None:
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{instanceSelector: {{}}, mode: Audit}}\n"
    assert [line.partition("/a: ")[2] for line in lines(text)] == [expected]


def test_misspelt_kind_and_version_are_recognized() -> None:
    assert len(lines("apiVersion: jenkins2fa.io/v1alpha1\nkind: TwoFactorPolcy\nmetadata: {name: a}\n")) == 2


def test_null_counts_as_absent_as_in_the_api_server() -> None:
    assert lines(HEAD + "spec: {instanceSelector: {}, mode: Audit, enforcedGroups: null, driftPolicy: ~}\n") == []
    assert lines(HEAD + "spec: {instanceSelector: null, mode: Audit}\n") == ["4: TwoFactorPolicy/sample: spec.instanceSelector: required"]


# Exit codes and output


def test_wrong_usage_is_an_error(tmp_path: Path) -> None:
    assert run().exit_code == 1
    result = run(str(tmp_path / "missing.yaml"))
    assert (result.exit_code, result.output) == (1, f"Error: {tmp_path}/missing.yaml: there is no such file or folder\n")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert run(str(tmp_path / "loop")).exit_code == 1


def test_json_output() -> None:
    result = run("-", "-o", "json", input=HEAD.replace("sample", "sample, namespace: team") + "spec: {instanceSelector: {}}\n")
    assert result.exit_code == 3
    assert json.loads(result.output) == {
        "files": 1,
        "checked": 1,
        "skipped": 0,
        "findings": [
            {
                "file": "standard input",
                "line": 4,
                "kind": "TwoFactorPolicy",
                "namespace": "team",
                "name": "sample",
                "path": "spec.mode",
                "message": "required: Enforce, Audit or Disabled",
            }
        ],
    }


def test_secrets_are_not_printed() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: hunter2}\n"
    instance = json.dumps(build("JenkinsInstance", {"url": "http://me:hunter2@jenkins/?token=hunter2", "access": ["hunter2"]}))
    broken = "stringData:\n  token: hunter2\n token: hunter2\n"
    for output in ("text", "json"):
        result = run("-", "-o", output, input=f"{secret}---\n{instance}\n---\n{broken}")
        assert result.exit_code == 3
        assert "hunter2" not in result.output


def test_control_characters_are_not_printed() -> None:
    body = build("TwoFactorPolicy", {"\x1b[2Jfield\n": 1, "apiTokens": "\x1b]0;x\x07"})
    result = run("-", input=json.dumps(body))
    assert "\x1b" not in result.output
    assert len(result.output.splitlines()) == 3


def test_examples_are_valid() -> None:
    result = run(str(ROOT / "examples"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("no findings")
