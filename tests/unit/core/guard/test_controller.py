"""Checks of the observed controller: each with a situation that triggers it and a similar one that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jenkins2fa.api.instance import CompetingManager, GateMode, GateSpec
from jenkins2fa.core.guard.chain import check
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.observation import Observation, Owner, Plugin, TrialState
from tests.support.guarded import MINE, reasons, situation
from tests.support.literals import BARE, FRESH, MANAGED, NOW, GateSettings, in_force, premium, spec

PROVIDED = replace(MANAGED, gate=GateSpec(GateMode.PROVIDED))


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (replace(FRESH, plugin=Plugin(), memory=None), "PluginMissing"),
        (replace(FRESH, plugin=Plugin(True, False, "1.2.0"), memory=None), "PluginMissing"),
        (replace(FRESH, plugin=replace(FRESH.plugin, version="1.3.0")), "UnsupportedPluginVersion"),
        (replace(FRESH, plugin=replace(FRESH.plugin, missing=("MoFilter",))), "UnsupportedPluginVersion"),
        (premium(FRESH), "UnsupportedPluginVersion"),
        (replace(FRESH, gate=replace(FRESH.gate, plugin_filters=0)), "PluginFilterMissing"),
        (replace(FRESH, damaged=("state",)), "ObservationDamaged"),
        (replace(FRESH, damaged=("layers",), memory=None, live=None), "ObservationDamaged"),
        (replace(FRESH, damaged=("plugin",), plugin=Plugin()), "ObservationDamaged"),
        (replace(FRESH, owner=Owner("cluster", "other")), "OwnedElsewhere"),
        (replace(FRESH, owner=Owner("other", "instance-uid")), "OwnedElsewhere"),
        (replace(FRESH, managed_by_code=True), "CompetingManager"),
        (replace(FRESH, trial=TrialState("abc", NOW)), "TrialPending"),
    ],
)
def test_controllers_that_must_not_be_written_to_are_refused(observation: Observation, reason: str) -> None:
    assert reasons(observation)[0] == reason


@pytest.mark.parametrize(
    "observation",
    [
        replace(FRESH, owner=MINE),
        replace(FRESH, owner=replace(MINE, policy="another", generation=9)),
        replace(FRESH, owner=Owner("command-line", "https://jenkins.example.com/")),
        replace(FRESH, managed_by_code=None),
        replace(FRESH, trial=TrialState("abc", NOW, stale=True)),
        replace(FRESH, damaged=("users",)),
        replace(FRESH, damaged=("gate",), gate=replace(FRESH.gate, plugin_filters=0)),
    ],
)
def test_similar_but_safe_controllers_are_accepted(observation: Observation) -> None:
    assert [reason for reason in reasons(observation) if reason not in ("ObservationDamaged", "CompetingManagerUnknown")] == []


def test_a_take_over_names_the_owner_it_means() -> None:
    held = replace(FRESH, owner=Owner("other", "x"))
    assert reasons(held, more={"take_over": "other/x"}) == []
    assert reasons(held, more={"take_over": "other/y"}) == ["OwnedElsewhere"]


def test_a_competing_manager_is_accepted_if_nothing_would_change_or_it_is_acknowledged() -> None:
    desired = spec(apiTokens="Challenge")
    assert reasons(replace(in_force(desired), managed_by_code=True)) == []
    assert reasons(replace(FRESH, managed_by_code=True), replace(MANAGED, competing_manager=CompetingManager.OVERRIDE)) == []


def test_a_provided_gate_must_already_be_the_expected_one() -> None:
    desired = spec(apiTokens="Challenge")
    assert reasons(FRESH, PROVIDED) == ["GateNotProvided"]
    observation = in_force(desired, PROVIDED)
    assert reasons(observation, PROVIDED) == []
    assert reasons(replace(observation, live=False), PROVIDED) == []  # the plugin's own settings are ours to write
    other = replace(observation, gate=replace(observation.gate, settings=GateSettings("admin", exempt_groups=frozenset({"x"}))))
    assert reasons(other, PROVIDED) == ["GateNotProvided"]
    assert reasons(other, PROVIDED, mode="Disabled") == [], "the gate's rules do not matter if nobody is challenged"
    assert {change.path for change in situation(other, PROVIDED, mode="Disabled").plan.changes} == {"mode", "gate.hold"}


def test_flapping_stops_corrections_only() -> None:
    observation = replace(in_force(spec(apiTokens="Challenge")), live=False)
    assert reasons(observation, more={"flapping": ("mode",)}) == ["Flapping"]
    assert reasons(in_force(spec(apiTokens="Challenge")), more={"flapping": ("mode",)}) == []


def test_flapping_of_one_field_does_not_block_others() -> None:
    confirmed = in_force(spec(apiTokens="Challenge"))
    lax = replace(confirmed.gate, settings=GateSettings("admin", exempt_groups=frozenset({"x"})))
    assert reasons(replace(confirmed, live=False), more={"flapping": ("exemptGroups",)}) == [], "that gate is already the expected one"
    assert reasons(replace(confirmed, live=False, gate=lax), more={"flapping": ("exemptGroups",)}) == []
    (found,) = check(situation(replace(confirmed, live=False), more={"flapping": ("mode", "exemptGroups")}))
    assert [found.reason, found.message.startswith("mode: ")] == ["Flapping", True]


def test_a_gate_that_stays_with_mode_none_is_reported() -> None:
    left = replace(FRESH, gate=replace(FRESH.gate, installed=1))
    assert "GateLeftBehind" in reasons(left, BARE)
    assert "GateLeftBehind" not in reasons(FRESH, BARE)
    assert "GateLeftBehind" not in reasons(left)
    assert "GateLeftBehind" not in reasons(left, BARE, mode="Disabled")


def test_unreadable_configuration_sources_are_a_hazard() -> None:
    found = check(situation(replace(FRESH, managed_by_code=None)))
    assert [(finding.reason, finding.severity) for finding in found] == [("CompetingManagerUnknown", Severity.HAZARD)]


def test_users_without_groups_are_reported_if_the_policy_uses_groups() -> None:
    observation = in_force(spec(apiTokens="Challenge", enforcedGroups=["Devs"]))
    without_group = replace(observation, gate=replace(observation.gate, without_group=2))
    findings = [one for one in check(situation(without_group, enforcedGroups=["Devs"])) if one.reason == "GroupsUnknown"]
    assert [(one.severity, "2 people" in one.message) for one in findings] == [(Severity.HAZARD, True)]
    assert "GroupsUnknown" not in reasons(observation, enforcedGroups=["Devs"]) + reasons(replace(without_group))


def test_the_hold_of_a_provided_gate_is_written_but_not_its_file() -> None:
    observation = in_force(spec(apiTokens="Challenge"), PROVIDED)
    other = replace(observation, gate=replace(observation.gate, hold=frozenset({"emailOTP"})))
    assert {change.path for change in situation(other, PROVIDED).plan.changes} == {"gate.hold"}
    assert reasons(other, PROVIDED) == []
    loose = replace(observation, gate=replace(observation.gate, hold=None, stored_hold=None))
    assert situation(loose, PROVIDED).plan.changes == (), "a read-only home keeps no record"
