"""The condition Enforced: True only when all layers agree, the gate is there, and a probe was challenged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.policy import Assurance
from jenkins2fa.core.assess import Assessment, Outcome, Proof
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.guard.finding import Finding
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from tests.support.literals import BARE, MAIL, MANAGED, NOW, QUESTIONS, PluginSettings, in_force, instance, plan, premium, spec
from tests.support.managed import policy
from tests.support.outcomes import conditions_of, outcome

WITHOUT_GATE: dict[str, Any] = {"where": BARE, "fields": {"apiTokens": None}}
ON = PluginSettings(True, QUESTIONS)


@pytest.mark.parametrize(
    ("changes", "more", "enforced"),
    [
        ({}, {"proof": Proof.NONE}, "Unknown/Unverified"),
        ({}, {"proof": Proof.BYPASSED}, "False/Bypassed"),
        ({"disk": None}, {}, "False/NotPersisted"),
        ({"disk": PluginSettings(enabled=True)}, {}, "False/NotPersisted"),
        ({"disk": PluginSettings(base_factors=QUESTIONS)}, {}, "False/NotPersisted"),
        ({"live": False}, {}, "False/NotActive"),
        ({"live": None}, {}, "False/NotActive"),
        ({"memory": PluginSettings(base_factors=QUESTIONS)}, {}, "False/NotActive"),
        ({"memory": PluginSettings(enabled=True)}, {}, "False/NoFactor"),
        ({"memory": None, "live": None}, {}, "False/PluginMissing"),
        ({"memory": None, "damaged": ("layers",)}, {}, "Unknown/ObservationDamaged"),
        ({"break_glass_until": NOW + timedelta(hours=1), "live": False}, {}, "False/BreakGlass"),
        ({"break_glass_until": NOW - timedelta(seconds=1)}, {}, "True/Probed"),
        ({}, {"fields": {"enforcedGroups": ["a"]}}, "True/Probed"),
    ],
)
def test_enforced_only_if_all_layers_agree_and_the_probe_was_challenged(
    changes: dict[str, Any], more: dict[str, Any], enforced: str
) -> None:
    fields = more.get("fields")
    observation = replace(in_force(spec(**(fields or {}))), **changes)
    assert conditions_of(outcome(observation, **more))["Enforced"] == enforced


def test_a_probe_proves_nothing_about_a_group_without_known_members() -> None:
    observation = replace(in_force(spec(enforcedGroups=["a"])), known_groups=frozenset())
    found = conditions_of(outcome(observation, fields={"enforcedGroups": ["a"]}))
    assert [found["Enforced"], found["Ready"]] == ["Unknown/GroupUnverified", "True/GroupUnverified"]
    assert conditions_of(outcome(observation, fields={"enforcedGroups": ["a"]}, proof=Proof.BYPASSED))["Enforced"] == "False/Bypassed"


def test_a_disabled_policy_reports_a_controller_that_still_challenges() -> None:
    off = {"mode": "Disabled"}
    assert conditions_of(outcome(fields=off, proof=Proof.NONE))["Enforced"] == "False/Disabled"
    assert conditions_of(outcome(fields=off, proof=Proof.NONE))["Ready"] == "True/Disabled"
    still = replace(in_force(spec(**off)), memory=ON, live=True)
    assert "still asks" in next(c.message for c in judge(outcome(still, fields=off), NOW) if c.type == "Enforced")


@pytest.mark.parametrize(
    ("more", "enforced", "ready"),
    [
        ({}, "False/PluginAlone", "True/PluginAlone"),
        ({"proof": Proof.NONE}, "Unknown/Unverified", "True/Unverified"),
        ({"proof": Proof.BYPASSED}, "False/Bypassed", "False/Bypassed"),
        ({"observation": replace(in_force(spec(apiTokens=None), BARE), live=False)}, "False/NotActive", "False/Progressing"),
    ],
)
def test_without_a_gate_a_challenged_probe_does_not_prove_enforcement(more: dict[str, Any], enforced: str, ready: str) -> None:
    found = conditions_of(outcome(**WITHOUT_GATE, **more))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]


def test_the_message_without_a_gate_explains_it_and_says_what_to_do() -> None:
    conditions = {c.type: c for c in judge(outcome(**WITHOUT_GATE), NOW)}
    for one in (conditions["Enforced"], conditions["Ready"]):
        assert "a probe was challenged; but there is no gate" in one.message
        assert "set gate.mode: Managed, or Provided" in one.message
    observation = in_force(spec(apiTokens=None), BARE)
    (alone,) = (c for c in judge(outcome(premium(observation), **WITHOUT_GATE), NOW) if c.type == "Enforced")
    assert [alone.reason, "set gate.mode" in alone.message, "does not support the premium edition" in alone.message] == [
        "PluginAlone", False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("where", [MANAGED, BARE])
@pytest.mark.parametrize(
    ("anonymous", "more", "enforced", "ready"),
    [
        (True, {}, "False/AnonymousAdministers", "False/AnonymousAdministers"),
        (True, {"proof": Proof.NONE}, "False/AnonymousAdministers", "False/AnonymousAdministers"),
        (True, {"proof": Proof.BYPASSED}, "False/Bypassed", "False/Bypassed"),
        (None, {}, "Unknown/ObservationDamaged", "True/ObservationDamaged"),
    ],
)
def test_not_enforced_if_anonymous_users_may_administer(
    where: Any, anonymous: bool | None, more: dict[str, Any], enforced: str, ready: str
) -> None:
    observation = replace(in_force(spec(apiTokens=None), where), anonymous_administers=anonymous)
    found = conditions_of(outcome(observation, where=where, fields={"apiTokens": None}, **more))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]
    assert found["Stalled"] == ("True/AnonymousAdministers" if ready == "False/AnonymousAdministers" else f"False/{ready.split('/')[1]}")


def test_a_disabled_policy_stays_off_if_anonymous_users_may_administer() -> None:
    observation = replace(in_force(spec(mode="Disabled")), anonymous_administers=True)
    assert conditions_of(outcome(observation, fields={"mode": "Disabled"}, proof=Proof.NONE))["Enforced"] == "False/Disabled"


@pytest.mark.parametrize(
    ("minimum", "more", "enforced", "ready"),
    [
        ("AAL1", {}, "True/Probed", "True/InForce"),
        ("AAL2", {}, "False/AssuranceNotMet", "False/AssuranceNotMet"),
        ("AAL2", {"proof": Proof.NONE}, "False/AssuranceNotMet", "False/AssuranceNotMet"),
        ("AAL2", {"fields": {"allowedFactors": ["MobileAuthenticator"]}}, "False/AssuranceNotMet", "False/Progressing"),
        ("AAL2", {"live": False}, "False/NotActive", "False/Progressing"),
        ("AAL2", {"memory": PluginSettings(enabled=True)}, "False/NoFactor", "False/Progressing"),
    ],
)
def test_not_enforced_with_an_active_factor_below_the_minimum_assurance(
    minimum: str, more: dict[str, Any], enforced: str, ready: str
) -> None:
    """What Jenkins accepts matters, not what the policy names."""
    changes = {name: more[name] for name in ("live", "memory") if name in more}
    fields = more.get("fields", {})
    observation = replace(in_force(spec()), **changes)
    desired = policy(**fields)
    desired = replace(desired, spec=replace(desired.spec, minimum_assurance=Assurance(minimum)))
    made = plan(observation, desired.spec, MANAGED)
    found = conditions_of(Outcome(instance(MANAGED), desired, Assessment(observation, made), proof=more.get("proof", Proof.CHALLENGED)))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]


def test_assurance_not_met_names_the_factor_and_says_what_to_do() -> None:
    desired = policy()
    desired = replace(desired, spec=replace(desired.spec, minimum_assurance=Assurance.AAL2))
    found = Outcome(
        instance(), desired, Assessment(in_force(desired.spec), plan(in_force(desired.spec), desired.spec)), proof=Proof.CHALLENGED
    )
    (enforced,) = (c for c in judge(found, NOW) if c.type == "Enforced")
    assert ["SecurityQuestions" in enforced.message, "lower minimumAssurance" in enforced.message] == [True, True]


def laxer(*, gate: Any = None, disk: Any = None, startup: Any = None) -> Observation:
    """In force, but laxer than the policy: in the running gate, on disk, or in the gate's file."""
    observation = in_force(spec(exemptGroups=["robots"]))
    changed = replace(observation.gate, settings=gate or observation.gate.settings, stored=startup or gate or observation.gate.stored)
    return replace(observation, gate=changed, disk=disk or observation.disk)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gate": {"exempt_groups": frozenset({"robots", "all-staff"})}}, "False/NotActive"),
        ({"startup": {"exempt_groups": frozenset({"robots", "all-staff"})}}, "False/NotPersisted"),
        ({"disk": {"base_factors": QUESTIONS | MAIL, "sender": "a@b"}}, "False/NotPersisted"),
        ({"gate": {"exempt_groups": frozenset()}}, "True/Probed"),  # stricter: all users of the policy are challenged
        ({"gate": {"exempt_groups": frozenset({"all-staff"})}}, "False/NotActive"),  # stricter and laxer at once
        ({"startup": {"exempt_groups": frozenset({"all-staff"})}}, "False/NotPersisted"),
        ({"gate": {"enforced_groups": frozenset({"interns"})}}, "False/NotActive"),
        ({"gate": {"operator": "somebody"}}, "False/NotActive"),
        ({"gate": {"operator": None}}, "True/Probed"),
        ({"gate": {"api_tokens": None}}, "True/Probed"),
        ({"disk": {"base_factors": MAIL, "sender": "a@b"}}, "False/NotPersisted"),
    ],
)
def test_not_enforced_if_the_controller_is_laxer_than_the_policy(change: dict[str, Any], expected: str) -> None:
    held = in_force(spec(exemptGroups=["robots"]))
    parts = {"gate": held.gate.settings, "startup": held.gate.stored, "disk": held.disk}
    observation = laxer(**{name: replace(parts[name], **fields) for name, fields in change.items()})
    assert conditions_of(outcome(observation, fields={"exemptGroups": ["robots"]}, mode=Mode.REPORT_DRIFT))["Enforced"] == expected


@pytest.mark.parametrize(
    ("held", "fields", "enforced"),
    [
        ({"enforcedGroups": ["interns"]}, {"enforcedGroups": ["admins"]}, "False/NotActive"),
        ({"enforcedGroups": ["admins", "interns"]}, {"enforcedGroups": ["admins"]}, "True/Probed"),
        ({}, {"enforcedGroups": ["admins"]}, "True/Probed"),
        ({"apiTokens": "Exempt"}, {"apiTokens": "Challenge"}, "False/NotActive"),
        ({"apiTokens": "Challenge"}, {"apiTokens": "Exempt"}, "True/Probed"),
        ({"requireOnBuild": {"window": "1h"}}, {"requireOnBuild": {"window": "15m"}}, "False/NotActive"),
        ({}, {"requireOnBuild": {"window": "15m"}}, "False/NotActive"),
        ({"requireOnBuild": {"window": "5m"}}, {"requireOnBuild": {"window": "15m"}}, "True/Probed"),
        ({"exemptGroups": ["all-staff"]}, {"exemptGroups": ["robots"]}, "False/NotActive"),
    ],
)
@pytest.mark.parametrize("refusal", [(), (Finding("ApprovalRequired", "this weakens the protection"),)])
def test_being_laxer_than_the_policy_is_independent_of_a_weakening_change(
    held: dict[str, Any], fields: dict[str, Any], enforced: str, refusal: tuple[Finding, ...]
) -> None:
    """Whether users pass now whom the policy does not exempt is independent of whether the change challenges fewer users."""
    observation = replace(in_force(spec(**held)), known_groups=frozenset({"admins"}))
    assert conditions_of(outcome(observation, fields=fields, findings=refusal))["Enforced"] == enforced


def test_harmless_differences_are_reported_too() -> None:
    mail = {"allowedFactors": ["EmailOTP"], "emailOTP": {"senderAddress": "new@lab.invalid"}}
    observation = in_force(spec(**{**mail, "emailOTP": {"senderAddress": "old@lab.invalid"}}))
    (enforced,) = (c for c in judge(outcome(observation, fields=mail, mode=Mode.REPORT_DRIFT), NOW) if c.type == "Enforced")
    assert [enforced.status, enforced.reason, "agree" in enforced.message] == ["True", "Probed", False]
    assert "emailOTP.senderAddress is old@lab.invalid (disk, memory), should be new@lab.invalid" in enforced.message


def test_enforcement_is_unknown_while_a_leftover_gate_remains() -> None:
    left = Finding("GateLeftBehind", "a gate is left")
    assert conditions_of(outcome(findings=(left,)))["Enforced"] == "Unknown/GateLeftBehind"
