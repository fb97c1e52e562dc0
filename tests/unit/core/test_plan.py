"""Plans: from the observed to the desired state, layer by layer; data in, data out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.instance import GateMode, GateSpec
from jenkins2fa.api.policy import ApiTokens
from jenkins2fa.api.status import LONGEST_MESSAGE
from jenkins2fa.core.approval import approval_digest
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.plan import LONGEST_DIFF, Change, Layer, describe, desired_digest, is_drift
from jenkins2fa.core.settings import GateSettings
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE
from tests.support.literals import (
    BARE,
    BOTH,
    CODE,
    FRESH,
    MAIL,
    MANAGED,
    QUESTIONS,
    SPECS,
    PluginSettings,
    differences,
    in_force,
    plan,
    spec,
    weakened,
)
from tests.support.managed import EMAIL


@pytest.mark.parametrize("fields", SPECS)
@pytest.mark.parametrize("where", [MANAGED, BARE])
def test_a_policy_in_force_needs_no_change(fields: dict[str, Any], where: Any) -> None:
    desired = spec(**fields)
    assert plan(in_force(desired, where), desired, where).changes == ()


@pytest.mark.parametrize(
    ("observation", "found"),
    [
        ({"live": False}, {("mode", "live")}),
        ({"live": None}, {("mode", "live")}),
        ({"disk": PluginSettings(base_factors=QUESTIONS)}, {("mode", "disk")}),
        ({"memory": PluginSettings(base_factors=QUESTIONS)}, {("mode", "memory")}),
        ({"memory": PluginSettings(enabled=True)}, {("allowedFactors.SecurityQuestions", "memory")}),
        ({"disk": None}, {("mode", "disk"), ("allowedFactors.SecurityQuestions", "disk")}),
        ({"memory": PluginSettings(True, QUESTIONS | MAIL, "a@b")}, {("allowedFactors.EmailOTP", "memory")}),
    ],
)
def test_each_layer_is_compared_separately(observation: dict[str, Any], found: set[tuple[str, str]]) -> None:
    desired = spec()
    assert differences(replace(in_force(desired), **observation), desired) == found


@pytest.mark.parametrize(
    ("gate", "found"),
    [
        ({"installed": 0, "position": None}, {("gate", "gate")}),
        ({"position": 1}, {("gate", "gate")}),
        ({"installed": 2}, {("gate", "gate")}),
        ({"foreign": True}, {("gate", "gate")}),
        ({"code": "other"}, {("gate", "gate")}),
        ({"startup_code": None}, {("gate", "start-up")}),
        ({"startup_code": "other"}, {("gate", "start-up")}),
        ({"plugin_filters": 0}, {("mode", "live")}),
    ],
)
def test_the_gates_place_in_the_filter_chain_is_compared(gate: dict[str, Any], found: set[tuple[str, str]]) -> None:
    desired = spec()
    observation = in_force(desired)
    assert differences(replace(observation, gate=replace(observation.gate, **gate)), desired) == found


def test_the_gates_rules_are_compared_in_memory_and_on_disk() -> None:
    desired = spec(exemptGroups=["robots"])
    observation = in_force(desired)
    other = GateSettings(operator="admin", api_tokens=ApiTokens.EXEMPT, exempt_groups=frozenset({"people"}))
    assert differences(replace(observation, gate=replace(observation.gate, settings=other)), desired) == {("exemptGroups", "gate")}
    assert differences(replace(observation, gate=replace(observation.gate, stored=other)), desired) == {("exemptGroups", "start-up")}
    assert differences(replace(observation, gate=replace(observation.gate, settings=other, stored=other)), desired) == {
        ("exemptGroups", "gate"),
        ("exemptGroups", "start-up"),
    }
    assert ("gate.operator", "gate") in differences(replace(observation, user="other"), desired)


def test_a_provided_gate_keeps_its_rules_in_its_file() -> None:
    provided = replace(MANAGED, gate=GateSpec(GateMode.PROVIDED))
    observation = in_force(spec(), provided)
    assert differences(replace(observation, gate=replace(observation.gate, stored=None)), spec(), provided) == set()
    assert differences(replace(observation, gate=replace(observation.gate, startup_code="other")), spec(), provided) == {
        ("gate", "start-up")
    }


def test_the_gate_is_not_compared_if_its_mode_is_none() -> None:
    assert differences(in_force(spec(apiTokens=None), BARE), spec(apiTokens=None), BARE) == set()
    assert desired_state(spec(), BARE, "admin", FREE).gate is None


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({}, {"mode": "Disabled"}, {"mode"}),
        ({"mode": "Disabled"}, {}, set()),
        (BOTH, {}, {"allowedFactors.EmailOTP"}),
        ({}, BOTH, set()),
        ({}, {"exemptGroups": ["r"]}, {"exemptGroups"}),
        ({"exemptGroups": ["r", "s"]}, {"exemptGroups": ["r"]}, set()),
        ({"exemptGroups": ["r"]}, {"exemptGroups": ["s"]}, {"exemptGroups"}),
        ({}, {"enforcedGroups": ["a"]}, {"enforcedGroups"}),
        ({"enforcedGroups": ["a"]}, {}, set()),
        ({"enforcedGroups": ["a"]}, {"enforcedGroups": ["a", "b"]}, set()),
        ({"enforcedGroups": ["a", "b"]}, {"enforcedGroups": ["a"]}, {"enforcedGroups"}),
        ({"apiTokens": "Challenge"}, {"apiTokens": "Exempt"}, {"apiTokens"}),
        ({"apiTokens": None}, {"apiTokens": "Exempt"}, {"apiTokens"}),
        ({"apiTokens": "Exempt"}, {"apiTokens": "Challenge"}, set()),
        ({"requireOnBuild": {"window": "5m"}}, {"requireOnBuild": {"window": "10m"}}, {"requireOnBuild.window"}),
        ({"requireOnBuild": {"window": "5m"}}, {}, {"requireOnBuild.window"}),
        ({"requireOnBuild": {"window": "10m"}}, {"requireOnBuild": {"window": "5m"}}, set()),
    ],
)
def test_what_weakens(before: dict[str, Any], after: dict[str, Any], fields: set[str]) -> None:
    assert weakened(spec(**before), spec(**after)) == fields


@pytest.mark.parametrize(
    ("fields", "weakened"),
    [
        ({"enforcedGroups": ["admins"], "apiTokens": "Exempt"}, {"enforcedGroups", "apiTokens"}),
        ({"exemptGroups": ["robots"], "apiTokens": None}, {"exemptGroups"}),
        ({"apiTokens": "Challenge", "requireOnBuild": {"window": "15m"}}, set()),
    ],
)
def test_adding_a_gate_with_exemptions_to_an_enforced_controller_weakens(fields: dict[str, Any], weakened: set[str]) -> None:
    everyone = in_force(spec(apiTokens=None), BARE)
    assert {change.path for change in plan(everyone, spec(**fields)).weakening} == weakened
    off = replace(everyone, live=False, memory=PluginSettings(), disk=None)
    assert plan(off, spec(**fields)).weakening == (), "a first enforcement"


def test_nothing_weakens_if_2fa_is_off() -> None:
    assert plan(FRESH, spec(exemptGroups=["r"])).weakening == ()


def test_mail_templates_are_never_shown() -> None:
    other = {**BOTH, "emailOTP": {**EMAIL, "template": EMAIL["template"][:-1] + "!", "subject": "x"}}
    shown = repr(plan(in_force(spec(**BOTH)), spec(**other)).changes)
    assert [f"another text of {len(EMAIL['template'])} characters" in shown, "Ihr Code" in shown, "Käse" in shown] == [True, False, False]


def test_mail_templates_that_the_policy_omits_are_kept() -> None:
    short = {**BOTH, "emailOTP": {"senderAddress": EMAIL["senderAddress"]}}
    assert differences(in_force(spec(**BOTH)), spec(**short)) == set()


def test_drift_is_a_difference_that_no_change_of_the_policy_explains() -> None:
    desired = spec()
    observation = replace(in_force(desired), live=False)
    assert is_drift(observation, plan(observation, desired))
    richer = spec(**BOTH)
    assert not is_drift(observation, plan(observation, richer))  # another wish
    assert not is_drift(in_force(desired), plan(in_force(desired), desired))  # nothing differs
    assert not is_drift(replace(observation, owner=None), plan(observation, desired))  # never confirmed


def test_digests_depend_on_the_desired_state_only() -> None:
    one, same, other = (desired_state(spec(exemptGroups=groups), MANAGED, "admin", FREE) for groups in (["a", "b"], ["b", "a"], ["a"]))
    assert desired_digest(one, CODE) == desired_digest(same, CODE) != desired_digest(other, CODE)
    assert desired_digest(one, CODE) != desired_digest(one, "another version")
    elsewhere = desired_state(spec(exemptGroups=["a", "b"]), MANAGED, "operator", FREE)
    assert approval_digest(one) == approval_digest(elsewhere) != approval_digest(other)
    bare = desired_state(spec(apiTokens=None), BARE, "admin", FREE)
    assert desired_digest(bare, CODE) == desired_digest(bare, "another version")  # no gate, no version


def test_the_hold_follows_the_policy() -> None:
    held = desired_state(spec(allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP=EMAIL), MANAGED, "admin", FREE).hold
    assert held == {"securityQuestions", "emailOTP"}
    loose: tuple[dict[str, Any], ...] = ({"mode": "Disabled"}, {"driftPolicy": "Report"})
    assert [desired_state(spec(**fields), MANAGED, "admin", FREE).hold for fields in loose] == [None, None]
    assert desired_state(spec(apiTokens=None), BARE, "admin", FREE).hold is None


def test_ending_the_hold_weakens_if_nothing_else_challenges() -> None:
    before, report = in_force(spec()), spec(driftPolicy="Report")
    assert [change.weakens for change in plan(before, report).changes] == [False, False]
    assert {change.path for change in plan(replace(before, live=False), report).weakening} == {"gate.hold"}
    more = replace(before, gate=replace(before.gate, hold=frozenset({"securityQuestions", "emailOTP"})))
    assert [(change.path, change.laxer) for change in plan(more, spec()).changes] == [("gate.hold", True)]


def test_if_only_the_gate_holds_only_its_own_rules_can_weaken() -> None:
    """Drift that has switched the plugin off, and one more factor on, is put back without anybody's approval."""
    before = in_force(spec())
    drifted = replace(before.memory or PluginSettings(), enabled=False, base_factors=QUESTIONS | MAIL)
    off = replace(before, memory=drifted, disk=drifted, live=False)
    assert plan(off, spec()).weakening == ()
    assert {change.path for change in plan(off, spec(exemptGroups=["robots"])).weakening} == {"exemptGroups"}


def test_messages_list_at_most_ten_differences() -> None:
    changes = tuple(Change(f"path{number}", Layer.DISK, "x" * 200, "y") for number in range(40))
    text = describe(changes)
    assert len(text) <= LONGEST_MESSAGE
    assert f"path{LONGEST_DIFF}" not in text
    short = describe(tuple(replace(change, before="x") for change in changes))
    assert short.endswith("and 30 more")
    assert describe((changes[0], replace(changes[0], layer=Layer.MEMORY))).count("path0") == 1
