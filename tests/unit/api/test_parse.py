"""Parsing the custom resources: every error names its path, and absent fields get their defaults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.break_glass import BreakGlassSpec
from jenkins2fa.api.fields import InvalidObject, format_duration, format_time, parse_duration, parse_time
from jenkins2fa.api.instance import Access, GateMode, GateSpec, InstanceSpec
from jenkins2fa.api.meta import Fields, LabelSelector, Metadata, Requirement, read_metadata, read_selector
from jenkins2fa.api.parse import parse_break_glass, parse_instance, parse_policy
from jenkins2fa.api.policy import (
    ApiTokens,
    Assurance,
    DeletionPolicy,
    DriftPolicy,
    EmailOTP,
    Factor,
    PolicyMode,
    PolicySpec,
    SMSGateway,
)
from tests.support.random_specs import objects
from tests.support.rule_cases import RULES, Case, build

PARSERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "TwoFactorPolicy": parse_policy,
    "ClusterTwoFactorPolicy": parse_policy,
    "JenkinsInstance": parse_instance,
    "TwoFactorBreakGlass": parse_break_glass,
}


def problems(kind: str, **change: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidObject) as caught:
        PARSERS[kind](build(kind, change))
    return [(problem.path, problem.message) for problem in caught.value.problems]


def mail(**settings: Any) -> dict[str, Any]:
    return {"allowedFactors": [{"type": "EmailOTP", "emailOTP": settings}]}


def test_a_minimal_policy_has_the_defaults() -> None:
    spec = parse_policy(build("TwoFactorPolicy", {})).spec
    assert spec == PolicySpec(LabelSelector(), PolicyMode.ENFORCE, frozenset({Factor.SECURITY_QUESTIONS}))
    assert spec.enforced_groups is None
    assert (spec.drift_policy, spec.deletion_policy, spec.minimum_assurance) == (DriftPolicy.CORRECT, DeletionPolicy.RETAIN, Assurance.AAL1)


def test_a_complete_policy() -> None:
    body = build(
        "TwoFactorPolicy",
        {
            "instanceSelector": {
                "matchLabels": {"tier": "production"},
                "matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}],
            },
            "mode": "Disabled",
            "enforcedGroups": ["admins"],
            "exemptGroups": ["robots"],
            "allowedFactors": [
                {"type": "EmailOTP", "emailOTP": {"senderAddress": "a@b", "subject": "Code", "template": "$otp"}},
                {"type": "SMSOTP", "smsOTP": {"gateway": "Twilio"}},
            ],
            "requireOnBuild": {"window": "15m"},
            "rememberDevice": "12h",
            "apiTokens": "Exempt",
            "minimumAssurance": "AAL1",
            "driftPolicy": "Report",
            "suspend": True,
            "deletionPolicy": "Restore",
            "priority": 7,
        },
    )
    assert parse_policy(body).spec == PolicySpec(
        instance_selector=LabelSelector((("tier", "production"),), (Requirement("team", "In", frozenset({"a"})),)),
        mode=PolicyMode.DISABLED,
        enforced_groups=frozenset({"admins"}),
        exempt_groups=frozenset({"robots"}),
        allowed_factors=frozenset({Factor.EMAIL_OTP, Factor.SMS_OTP}),
        email_otp=EmailOTP("a@b", "Code", "$otp"),
        sms_gateway=SMSGateway.TWILIO,
        build_window=timedelta(minutes=15),
        remember_device=timedelta(hours=12),
        api_tokens=ApiTokens.EXEMPT,
        minimum_assurance=Assurance.AAL1,
        drift_policy=DriftPolicy.REPORT,
        suspend=True,
        deletion_policy=DeletionPolicy.RESTORE,
        priority=7,
    )


def test_a_cluster_policy_has_no_namespace_and_selects_namespaces() -> None:
    found = parse_policy(build("ClusterTwoFactorPolicy", {"namespaceSelector": {"matchLabels": {"guarded": "yes"}}}))
    assert (found.meta.namespace, str(found.meta.key), found.is_cluster) == ("", "sample", True)
    assert found.spec.namespace_selector == LabelSelector((("guarded", "yes"),))
    assert problems("ClusterTwoFactorPolicy", namespaceSelector=None) == [("spec.namespaceSelector", "required")]
    assert not parse_policy(build("TwoFactorPolicy", {})).is_cluster


def test_break_glass() -> None:
    change = {"instanceSelector": {"matchLabels": {"tier": "production"}}, "expiresAt": "2026-12-01T13:00:00+01:00"}
    found = parse_break_glass(build("TwoFactorBreakGlass", change))
    assert found.spec == BreakGlassSpec(LabelSelector((("tier", "production"),)), datetime(2026, 12, 1, 12, tzinfo=UTC), "INC-1234")
    assert found.selects(Metadata("default", "build", labels={"tier": "production"}))
    assert not found.selects(Metadata("default", "build"))
    assert not found.selects(Metadata("other", "build", labels={"tier": "production"}))


def test_a_minimal_instance_has_the_defaults() -> None:
    spec = parse_instance(build("JenkinsInstance", {"url": "https://jenkins.example.com/ci", "gate": {"mode": "None"}})).spec
    assert spec == InstanceSpec("https://jenkins.example.com/ci/", "build-jenkins")
    assert (spec.access, spec.gate, spec.check_interval) == (Access.MANAGE, GateSpec(GateMode.NONE), timedelta(seconds=30))


@pytest.mark.parametrize("case", RULES, ids=lambda case: case.name)
def test_rules(case: Case) -> None:
    parse = PARSERS[case.kind]
    parse(case.good())
    with pytest.raises(InvalidObject) as caught:
        parse(case.bad())
    assert any(problem.path == case.path and problem.message.startswith(case.message) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("kind", "change", "path", "message"),
    [
        ("TwoFactorPolicy", {"mode": None}, "spec.mode", "required: Enforce, Audit or Disabled"),
        ("TwoFactorPolicy", {"mode": "on"}, "spec.mode", "must be one of Enforce, Audit, Disabled, is 'on'"),
        ("TwoFactorPolicy", {"mode": False}, "spec.mode", "must be one of Enforce, Audit, Disabled, is False"),
        ("TwoFactorPolicy", {"instanceSelector": None}, "spec.instanceSelector", "required"),
        ("TwoFactorPolicy", {"instanceSelector": []}, "spec.instanceSelector", "must be a mapping, is a list"),
        ("TwoFactorPolicy", {"instanceSelector": {"matchExpressions": 1}}, "spec.instanceSelector.matchExpressions", "must be a list"),
        (
            "TwoFactorPolicy",
            {"instanceSelector": {"matchExpressions": [1]}},
            "spec.instanceSelector.matchExpressions[0]",
            "must be a mapping with key, operator and values",
        ),
        (
            "TwoFactorPolicy",
            {"instanceSelector": {"matchLabels": {"a": 1}}},
            "spec.instanceSelector.matchLabels.a",
            "must be a string, is 1: write it in quotes",
        ),
        ("TwoFactorPolicy", {"enforcedGroups": "admins"}, "spec.enforcedGroups", "must be a list of strings"),
        ("TwoFactorPolicy", {"exemptGroups": [1]}, "spec.exemptGroups", "must be a list of strings"),
        ("TwoFactorPolicy", mail(), "spec.allowedFactors[0].emailOTP.senderAddress", "required"),
        ("TwoFactorPolicy", mail(senderAddress=1), "spec.allowedFactors[0].emailOTP.senderAddress", "must be a string, is a number"),
        (
            "TwoFactorPolicy",
            {"allowedFactors": [{"type": "YubiKey"}, {"type": "SMSOTP", "smsOTP": {}}]},
            "spec.allowedFactors[1].smsOTP.gateway",
            "required: MiniOrange or Twilio",
        ),
        (
            "TwoFactorPolicy",
            {"allowedFactors": [{}]},
            "spec.allowedFactors[0].type",
            "required: the name of a factor, such as SecurityQuestions",
        ),
        ("TwoFactorPolicy", {"allowedFactors": "YubiKey"}, "spec.allowedFactors", "must be a list, is a string"),
        (
            "TwoFactorPolicy",
            {"requireOnBuild": {}},
            "spec.requireOnBuild.window",
            "required: how long one second factor is good for builds, such as 15m",
        ),
        (
            "TwoFactorBreakGlass",
            {"expiresAt": None},
            "spec.expiresAt",
            "required: the time at which two-factor authentication is on again",
        ),
        ("TwoFactorPolicy", {"suspend": "yes"}, "spec.suspend", "must be true or false, is a string"),
        ("TwoFactorPolicy", {"priority": True}, "spec.priority", "must be an integer, is true or false"),
        ("TwoFactorPolicy", {"priority": 1.5}, "spec.priority", "must be an integer, is a number"),
        ("TwoFactorPolicy", {"rememberDevice": 12}, "spec.rememberDevice", "must be a duration such as 30s, 15m or 1h30m, is 12"),
        ("JenkinsInstance", {"url": None}, "spec.url", "required"),
        (
            "JenkinsInstance",
            {"credentialsRef": None},
            "spec.credentialsRef",
            "required unless access is ProbeOnly: the Secret with the operator's account",
        ),
        ("JenkinsInstance", {"credentialsRef": {}}, "spec.credentialsRef.name", "required"),
        ("JenkinsInstance", {"caRef": {"kind": "Pod", "name": "a"}}, "spec.caRef.kind", "must be one of ConfigMap, Secret, is 'Pod'"),
        ("JenkinsInstance", {"caRef": {}}, "spec.caRef.name", "required"),
        ("JenkinsInstance", {"canaries": [{"name": "a"}]}, "spec.canaries[0].secretRef", "required"),
        ("JenkinsInstance", {"canaries": [{"name": "a"}]}, "spec.canaries[0].expect", "required: Challenged or Exempt"),
        ("JenkinsInstance", {"checkInterval": "0s"}, "spec.checkInterval", "must be at least 5s"),
    ],
)
def test_errors_name_their_field(kind: str, change: dict[str, Any], path: str, message: str) -> None:
    assert (path, message) in problems(kind, **change)


def test_all_errors_are_reported_at_once() -> None:
    found = problems("TwoFactorPolicy", mode="on", driftPolicy="x", rememberDevice="1d", requireOnBuild={})
    assert [path for path, _ in found] == [
        "spec.mode",
        "spec.requireOnBuild.window",
        "spec.rememberDevice",
        "spec.driftPolicy",
    ]


@pytest.mark.parametrize("spec", [None, [], "x", 1])
def test_a_spec_that_is_no_mapping_is_an_error(spec: Any) -> None:
    for parse in PARSERS.values():
        with pytest.raises(InvalidObject, match=r"^spec: "):
            parse({"spec": spec})


@given(objects())
def test_parsing_returns_a_resource_or_errors(body: dict[str, Any]) -> None:
    try:
        PARSERS[body["kind"]](body)
    except InvalidObject as error:
        assert error.problems
        assert all(problem.path.startswith("spec") and problem.message for problem in error.problems)


@given(st.integers(min_value=0, max_value=99999 * 3600))
def test_durations_keep_their_spelling(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@given(st.text(alphabet="0123456789hms .-+\n٣"))
def test_only_duration_strings_are_accepted(text: str) -> None:
    try:
        length = parse_duration(text)
    except ValueError:
        return
    assert text.isascii()
    assert text[-1] in "hms"
    assert length >= timedelta(0)


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90m", 5400), ("1h30m", 5400), ("1h1m1s", 3661), ("0005s", 5)])
def test_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2099, 12, 30)), st.integers(-23 * 60, 23 * 60))
def test_times_keep_their_spelling(moment: datetime, offset: int) -> None:
    whole = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    assert parse_time(whole.isoformat()) == whole
    assert parse_time(format_time(whole)) == whole


@pytest.mark.parametrize(
    ("text", "utc"), [("2026-12-01T12:00:00+23:60", datetime(2026, 11, 30, 12)), ("2026-12-01T12:00:00-24:00", datetime(2026, 12, 2, 12))]
)
def test_offsets_that_the_api_server_accepts_are_read(text: str, utc: datetime) -> None:
    assert parse_time(text) == utc.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-12-01T12:00:00+24:61", "2026-12-01T12:00:00+25:00", "0001-01-01T00:00:00+10:00"])
def test_impossible_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_a_time_already_parsed_by_yaml_is_accepted() -> None:
    assert parse_time(datetime(2026, 12, 1, 12)) == datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_metadata_of_a_file_gets_defaults() -> None:
    meta = read_metadata({"metadata": {"name": "a"}})
    assert (str(meta.key), meta.uid, meta.generation, dict(meta.labels), meta.deleting) == ("default/a", "", 0, {}, False)


@pytest.mark.parametrize(
    ("expression", "labels", "matches"),
    [
        ({"operator": "In", "values": ["a", "b"]}, {"tier": "a"}, True),
        ({"operator": "In", "values": ["a"]}, {}, False),
        ({"operator": "NotIn", "values": ["a"]}, {"tier": "b"}, True),
        ({"operator": "NotIn", "values": ["a"]}, {}, True),
        ({"operator": "NotIn", "values": ["a"]}, {"tier": "a"}, False),
        ({"operator": "Exists"}, {"tier": ""}, True),
        ({"operator": "Exists"}, {}, False),
        ({"operator": "DoesNotExist"}, {}, True),
        ({"operator": "DoesNotExist"}, {"tier": ""}, False),
    ],
)
def test_selectors_match_as_in_kubernetes(expression: dict[str, Any], labels: dict[str, str], matches: bool) -> None:
    selector = read_selector(Fields({"matchExpressions": [{"key": "tier", **expression}]}))
    assert selector.matches(labels) is matches


def test_an_empty_selector_matches_everything() -> None:
    assert read_selector(Fields({})).matches({})
