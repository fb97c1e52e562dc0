"""From what a pass has learnt to the conditions that people and tools read (design, Status)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.instance import Access
from jenkins2fa.api.policy import Assurance
from jenkins2fa.api.status import LONGEST_MESSAGE
from jenkins2fa.core.assess import Assessment, Failure, Outcome, Proof, flapping_fields
from jenkins2fa.core.break_glass import Action, active, decide
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED, LONGEST_DIFF, describe, field_statuses, judge
from jenkins2fa.core.guard.finding import Finding, Severity
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import Change, Layer
from tests.support.literals import BARE, FRESH, MANAGED, NOW, PluginSettings, break_glass, in_force, instance, plan, premium, spec
from tests.support.managed import policy

ON = PluginSettings(True, True)


def outcome(
    seen: Observation | None = None,
    *,
    proof: Proof = Proof.CHALLENGED,
    where: Any = MANAGED,
    fields: dict[str, Any] | None = None,
    **more: Any,
) -> Outcome:
    """Of a reconcile where the policy is in force, unless something else is given."""
    wanted = policy(**(fields or {}))
    seen = in_force(wanted.spec, where) if seen is None else seen
    judged = {name: more.pop(name) for name in ("findings", "mode", "drift") if name in more}
    return Outcome(instance(where), wanted, Assessment(seen, plan(seen, wanted.spec, where), **judged), proof=proof, **more)


def said(found: Outcome) -> dict[str, str]:
    return {condition.type: f"{condition.status}/{condition.reason}" for condition in judge(found, NOW)}


def test_all_is_well() -> None:
    assert said(outcome()) == {
        "Ready": "True/InForce",
        "Reconciling": "False/InForce",
        "Stalled": "False/InForce",
        "Enforced": "True/Probed",
        "Drifted": "False/NoDrift",
    }


@pytest.mark.parametrize(
    ("changes", "more", "enforced"),
    [
        ({}, {"proof": Proof.NONE}, "Unknown/Unverified"),
        ({}, {"proof": Proof.BYPASSED}, "False/Bypassed"),
        ({"disk": None}, {}, "False/NotPersisted"),
        ({"disk": PluginSettings(enabled=True)}, {}, "False/NotPersisted"),
        ({"disk": PluginSettings(security_questions=True)}, {}, "False/NotPersisted"),
        ({"live": False}, {}, "False/NotActive"),
        ({"live": None}, {}, "False/NotActive"),
        ({"memory": PluginSettings(security_questions=True)}, {}, "False/NotActive"),
        ({"memory": PluginSettings(enabled=True)}, {}, "False/NoFactor"),
        ({"memory": None, "live": None}, {}, "False/PluginMissing"),
        ({"memory": None, "damaged": ("layers",)}, {}, "Unknown/ObservationDamaged"),
        ({"break_glass_until": NOW + timedelta(hours=1), "live": False}, {}, "False/BreakGlass"),
        ({"break_glass_until": NOW - timedelta(seconds=1)}, {}, "True/Probed"),
        ({}, {"fields": {"enforcedGroups": ["a"]}}, "True/Probed"),
    ],
)
def test_enforced_is_said_only_when_all_layers_agree_and_the_probe_was_challenged(
    changes: dict[str, Any], more: dict[str, Any], enforced: str
) -> None:
    fields = more.get("fields")
    seen = replace(in_force(spec(**(fields or {}))), **changes)
    assert said(outcome(seen, **more))["Enforced"] == enforced


def test_a_group_that_nobody_is_known_to_be_in_is_not_proven_by_a_probe() -> None:
    seen = replace(in_force(spec(enforcedGroups=["a"])), known_groups=frozenset())
    found = said(outcome(seen, fields={"enforcedGroups": ["a"]}))
    assert [found["Enforced"], found["Ready"]] == ["Unknown/GroupUnverified", "True/GroupUnverified"]
    assert said(outcome(seen, fields={"enforcedGroups": ["a"]}, proof=Proof.BYPASSED))["Enforced"] == "False/Bypassed"


def test_off_is_off_and_says_so_when_it_is_not() -> None:
    off = {"mode": "Disabled"}
    assert said(outcome(fields=off, proof=Proof.NONE))["Enforced"] == "False/Disabled"
    assert said(outcome(fields=off, proof=Proof.NONE))["Ready"] == "True/Disabled"
    still = replace(in_force(spec(**off)), memory=ON, live=True)
    assert "still asks" in next(c.message for c in judge(outcome(still, fields=off), NOW) if c.type == "Enforced")


WITHOUT_GATE: dict[str, Any] = {"where": BARE, "fields": {"apiTokens": None}}


@pytest.mark.parametrize(
    ("more", "enforced", "ready"),
    [
        ({}, "False/PluginAlone", "True/PluginAlone"),
        ({"proof": Proof.NONE}, "Unknown/Unverified", "True/Unverified"),
        ({"proof": Proof.BYPASSED}, "False/Bypassed", "False/Bypassed"),
        ({"seen": replace(in_force(spec(apiTokens=None), BARE), live=False)}, "False/NotActive", "False/Progressing"),
    ],
)
def test_without_a_gate_a_challenged_probe_does_not_prove_enforcement(more: dict[str, Any], enforced: str, ready: str) -> None:
    found = said(outcome(**WITHOUT_GATE, **more))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]


def test_without_a_gate_the_message_says_what_it_means_and_what_to_do() -> None:
    conditions = {c.type: c for c in judge(outcome(**WITHOUT_GATE), NOW)}
    for one in (conditions["Enforced"], conditions["Ready"]):
        assert "a probe was challenged; but there is no gate" in one.message
        assert "set gate.mode: Managed, or Provided" in one.message
    seen = in_force(spec(apiTokens=None), BARE)
    (alone,) = (c for c in judge(outcome(premium(seen), **WITHOUT_GATE), NOW) if c.type == "Enforced")
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
def test_where_anybody_may_administer_nothing_is_enforced(
    where: Any, anonymous: bool | None, more: dict[str, Any], enforced: str, ready: str
) -> None:
    seen = replace(in_force(spec(apiTokens=None), where), anonymous_administers=anonymous)
    found = said(outcome(seen, where=where, fields={"apiTokens": None}, **more))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]
    assert found["Stalled"] == ("True/AnonymousAdministers" if ready == "False/AnonymousAdministers" else f"False/{ready.split('/')[1]}")


def test_where_anybody_may_administer_an_off_policy_is_still_off() -> None:
    seen = replace(in_force(spec(mode="Disabled")), anonymous_administers=True)
    assert said(outcome(seen, fields={"mode": "Disabled"}, proof=Proof.NONE))["Enforced"] == "False/Disabled"


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
def test_a_live_factor_below_the_minimum_assurance_does_not_enforce_it(
    minimum: str, more: dict[str, Any], enforced: str, ready: str
) -> None:
    """What Jenkins accepts counts, not what the policy names."""
    changes = {name: more[name] for name in ("live", "memory") if name in more}
    fields = more.get("fields", {})
    seen = replace(in_force(spec()), **changes)
    wanted = policy(**fields)
    wanted = replace(wanted, spec=replace(wanted.spec, minimum_assurance=Assurance(minimum)))
    made = plan(seen, wanted.spec, MANAGED)
    found = said(Outcome(instance(MANAGED), wanted, Assessment(seen, made), proof=more.get("proof", Proof.CHALLENGED)))
    assert [found["Enforced"], found["Ready"]] == [enforced, ready]


def test_assurance_not_met_names_the_factor_and_the_way_out() -> None:
    wanted = policy()
    wanted = replace(wanted, spec=replace(wanted.spec, minimum_assurance=Assurance.AAL2))
    found = Outcome(instance(), wanted, Assessment(in_force(wanted.spec), plan(in_force(wanted.spec), wanted.spec)), proof=Proof.CHALLENGED)
    (enforced,) = (c for c in judge(found, NOW) if c.type == "Enforced")
    assert ["SecurityQuestions" in enforced.message, "lower minimumAssurance" in enforced.message] == [True, True]


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("seen", [None, FRESH])
def test_trouble_is_reconciling_or_stalled_and_never_both(transient: bool, seen: Observation | None) -> None:
    found = said(Outcome(instance(), policy(), seen, failure=Failure("Unreachable", "what happened", transient)))
    assert found["Ready"] == "False/Unreachable"
    assert [found["Reconciling"].split("/")[0], found["Stalled"].split("/")[0]] == (["True", "False"] if transient else ["False", "True"])
    assert found["Drifted"] == "Unknown/Unreachable"


@pytest.mark.parametrize(
    ("more", "ready", "reconciling", "stalled"),
    [
        ({"mode": Mode.SUSPENDED}, "True/Suspended", False, False),
        ({"mode": Mode.BREAK_GLASS}, "True/BreakGlass", False, False),
        ({"mode": Mode.AUDIT, "seen": FRESH}, "True/Reported", False, False),
        ({"mode": Mode.REPORT_DRIFT, "seen": FRESH, "drift": True}, "True/Reported", False, False),
        ({"seen": FRESH}, "False/Progressing", True, False),
        ({"findings": (Finding("NoFactor", "m", path="allowedFactors"),)}, "False/NoFactor", False, True),
        ({"findings": (Finding("NoMailServer", "m", Severity.HAZARD),)}, "True/InForce", False, False),
        ({"fields": {"rememberDevice": "12h"}}, "False/Unsupported", False, True),
        ({"proof": Proof.BYPASSED}, "False/Bypassed", True, False),
    ],
)
def test_ready(more: dict[str, Any], ready: str, reconciling: bool, stalled: bool) -> None:
    found = said(outcome(more.pop("seen", None), **more))
    assert [found["Ready"], found["Reconciling"].startswith("True"), found["Stalled"].startswith("True")] == [ready, reconciling, stalled]


def test_suspended_says_that_nobody_knows() -> None:
    found = Outcome(instance(), policy(), mode_by_spec=Mode.SUSPENDED)
    ready = judge(found, NOW)[0]
    assert ready.message == "the policy is suspended: nothing is written or looked at, so nobody knows whether it is enforced"
    told = said(found)
    assert [told["Ready"], told["Enforced"], told["Drifted"]] == ["True/Suspended", "Unknown/Suspended", "Unknown/Suspended"]


def test_an_instance_without_a_policy_is_ready_and_unknown() -> None:
    found = said(Outcome(instance(), None, FRESH))
    assert [found["Ready"], found["Enforced"], found["Drifted"]] == ["True/NoPolicy", "Unknown/NoPolicy", "False/NoPolicy"]


def test_drifted() -> None:
    seen = replace(in_force(spec()), live=False)
    assert said(outcome(seen, drift=True))["Drifted"] == "True/Differs"
    assert said(outcome(seen, drift=False))["Drifted"] == "False/NoDrift"  # a change of the policy, being applied
    assert said(outcome(seen, mode=Mode.AUDIT))["Drifted"] == "True/Differs"
    assert said(outcome(corrected=("mode",)))["Drifted"] == "False/Corrected"


def test_messages_are_short_and_hold_ten_differences_at_most() -> None:
    changes = tuple(Change(f"path{number}", Layer.DISK, "x" * 200, "y") for number in range(40))
    text = describe(changes)
    assert len(text) <= LONGEST_MESSAGE
    assert f"path{LONGEST_DIFF}" not in text
    short = describe(tuple(replace(change, before="x") for change in changes))
    assert short.endswith("and 30 more")
    assert describe((changes[0], replace(changes[0], layer=Layer.MEMORY))).count("path0") == 1


def test_each_field_of_the_policy_has_its_state() -> None:
    fields = {"exemptGroups": ["r"], "rememberDevice": "12h", "requireOnBuild": {"window": "15m"}}
    seen = in_force(spec(**fields))
    states = {one.path: one.state for one in field_statuses(outcome(seen, fields=fields))}
    assert states == {
        "mode": "Applied",
        "exemptGroups": "Applied",
        "allowedFactors": "Applied",
        "requireOnBuild": "Applied",
        "rememberDevice": "Unsupported",
        "apiTokens": "Applied",
        "gate": "Applied",
    }
    drifted = {one.path: one.state for one in field_statuses(outcome(replace(seen, live=False), fields=fields, drift=True))}
    assert drifted["mode"] == "Drifted"
    refusal = Finding("OwnedElsewhere", "m")
    refused = {
        one.path: (one.state, one.message) for one in field_statuses(outcome(replace(seen, live=False), fields=fields, findings=(refusal,)))
    }
    assert [refused["mode"], refused["exemptGroups"][0]] == [("Refused", "m"), "Applied"]


# --- whether a pass may write ---


GRACE = {"rollout": {"graceUntil": "2026-11-24T13:00:00Z"}}


@pytest.mark.parametrize(
    ("fields", "access", "at_hand", "mode"),
    [
        ({}, Access.MANAGE, {}, Mode.WRITE),
        ({}, Access.MANAGE, {"drift": True}, Mode.WRITE),
        ({"mode": "Disabled"}, Access.MANAGE, {}, Mode.WRITE),
        ({"mode": "Audit"}, Access.MANAGE, {}, Mode.AUDIT),
        ({}, Access.OBSERVE, {}, Mode.REPORT_ACCESS),
        ({"driftPolicy": "Report"}, Access.MANAGE, {"drift": True}, Mode.REPORT_DRIFT),
        ({"driftPolicy": "Report"}, Access.MANAGE, {}, Mode.WRITE),
        ({"suspend": True}, Access.MANAGE, {"break_glass": True}, Mode.SUSPENDED),
        ({}, Access.MANAGE, {"drift": True, "break_glass": True}, Mode.BREAK_GLASS),
        ({}, Access.MANAGE, {"admitted": False}, Mode.WAITING),
        ({}, Access.MANAGE, {"admitted": False, "drift": True}, Mode.WRITE),  # what was confirmed there already is no roll-out
        ({"driftPolicy": "Report"}, Access.MANAGE, {"admitted": False, "drift": True}, Mode.REPORT_DRIFT),
        (GRACE, Access.MANAGE, {}, Mode.GRACE),
        (GRACE, Access.MANAGE, {"protected": True}, Mode.WRITE),  # only the first enforcement waits
        ({**GRACE, "mode": "Disabled"}, Access.MANAGE, {}, Mode.WRITE),
        ({**GRACE, "mode": "Audit"}, Access.MANAGE, {}, Mode.AUDIT),
        (GRACE, Access.MANAGE, {"drift": True}, Mode.WRITE),  # it was in force, and was switched off since
        (GRACE, Access.MANAGE, {"now": NOW + timedelta(hours=1)}, Mode.WRITE),
    ],
)
def test_mode(fields: dict[str, Any], access: Access, at_hand: dict[str, Any], mode: Mode) -> None:
    assert mode_of(spec(**fields), replace(MANAGED, access=access), Circumstances(**{"now": NOW, **at_hand})) is mode


@pytest.mark.parametrize(
    ("until", "open_until", "used", "wanted"),
    [
        (1, None, None, Action.OPEN),
        (1, None, "INC-1", Action.NOTHING),  # that reason is spent
        (1, None, "INC-0", Action.OPEN),
        (1, 1, "INC-1", Action.NOTHING),
        (1, 2, "INC-1", Action.OPEN),  # shortened
        (3, 2, "INC-1", Action.NOTHING),  # Jenkins' maximum holds
        (1, 1, "INC-0", Action.OPEN),  # another reason
        (-1, 1, "INC-1", Action.CLOSE),
        (-1, None, None, Action.NOTHING),
        (None, 1, "INC-1", Action.CLOSE),
        (None, -1, "INC-1", Action.NOTHING),
        (None, None, None, Action.NOTHING),
    ],
)
def test_break_glass(until: int | None, open_until: int | None, used: str | None, wanted: Action) -> None:
    at = {hours: NOW + timedelta(hours=hours) for hours in (-1, 1, 2, 3)}
    asked = [] if until is None else [break_glass(until, "INC-1")]
    seen = replace(FRESH, break_glass_until=None if open_until is None else at[open_until], break_glass_used=used)
    assert decide(active(asked, instance().meta, NOW), seen, NOW).action is wanted


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"exemptGroups": ["robots"], "apiTokens": "Exempt"}, "exemptGroups"),
        ({"enforcedGroups": ["staff"]}, "enforcedGroups"),
        ({"apiTokens": "Exempt"}, "apiTokens"),
        ({"apiTokens": "Challenge"}, None),
    ],
)
def test_an_exempt_canary_that_is_challenged_needs_a_person(fields: dict[str, Any], path: str | None) -> None:
    wanted = policy(**fields)
    seen = replace(in_force(wanted.spec, MANAGED), known_groups=frozenset({"staff"}))
    found = outcome(seen, fields=fields, notes=(EXEMPT_CHALLENGED,))
    assert said(found) == {
        "Ready": "False/ExemptChallenged",
        "Reconciling": "False/ExemptChallenged",
        "Stalled": "True/ExemptChallenged",
        "Enforced": "True/Probed",
        "Drifted": "False/NoDrift",
    }
    assert {one.path: one.message for one in field_statuses(found) if one.state != "Applied"} == ({path: EXEMPT_CHALLENGED} if path else {})


def test_flapping_counts_three_corrections_within_an_hour() -> None:
    minutes = [NOW - timedelta(minutes=one) for one in (1, 20, 59, 61)]
    seen = replace(FRESH, corrections={"mode": tuple(minutes[:3]), "allowedFactors": tuple(minutes[1:])})
    assert flapping_fields(seen, NOW) == ("mode",)


def laxer(*, gate: Any = None, disk: Any = None, startup: Any = None) -> Observation:
    """In force, but somebody let more people pass than the policy does: in the running gate, on disk, or in the gate's file."""
    seen = in_force(spec(exemptGroups=["robots"]))
    changed = replace(seen.gate, settings=gate or seen.gate.settings, stored=startup or gate or seen.gate.stored)
    return replace(seen, gate=changed, disk=disk or seen.disk)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"gate": {"exempt_groups": frozenset({"robots", "all-staff"})}}, "False/NotActive"),
        ({"startup": {"exempt_groups": frozenset({"robots", "all-staff"})}}, "False/NotPersisted"),
        ({"disk": {"email_otp": True, "sender": "a@b"}}, "False/NotPersisted"),
        ({"gate": {"exempt_groups": frozenset()}}, "True/Probed"),  # stricter than asked for: everybody whom the policy means is challenged
        ({"gate": {"exempt_groups": frozenset({"all-staff"})}}, "False/NotActive"),  # stricter and laxer at once
        ({"startup": {"exempt_groups": frozenset({"all-staff"})}}, "False/NotPersisted"),
        ({"gate": {"enforced_groups": frozenset({"interns"})}}, "False/NotActive"),
        ({"gate": {"operator": "somebody"}}, "False/NotActive"),
        ({"gate": {"operator": None}}, "True/Probed"),
        ({"gate": {"api_tokens": None}}, "True/Probed"),
        ({"disk": {"security_questions": False, "email_otp": True, "sender": "a@b"}}, "False/NotPersisted"),
    ],
)
def test_a_jenkins_laxer_than_the_policy_does_not_enforce_it(change: dict[str, Any], wanted: str) -> None:
    held = in_force(spec(exemptGroups=["robots"]))
    parts = {"gate": held.gate.settings, "startup": held.gate.stored, "disk": held.disk}
    seen = laxer(**{name: replace(parts[name], **fields) for name, fields in change.items()})
    assert said(outcome(seen, fields={"exemptGroups": ["robots"]}, mode=Mode.REPORT_DRIFT))["Enforced"] == wanted


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
def test_laxer_and_weakening_are_two_directions(
    held: dict[str, Any], fields: dict[str, Any], enforced: str, refusal: tuple[Finding, ...]
) -> None:
    """Whether somebody passes now whom the policy does not name has nothing to do with whether its wish asks fewer."""
    seen = replace(in_force(spec(**held)), known_groups=frozenset({"admins"}))
    assert said(outcome(seen, fields=fields, findings=refusal))["Enforced"] == enforced


def test_what_differs_is_said_although_it_lets_nobody_pass() -> None:
    mail = {"allowedFactors": ["EmailOTP"], "emailOTP": {"senderAddress": "new@lab.invalid"}}
    seen = in_force(spec(**{**mail, "emailOTP": {"senderAddress": "old@lab.invalid"}}))
    (enforced,) = (c for c in judge(outcome(seen, fields=mail, mode=Mode.REPORT_DRIFT), NOW) if c.type == "Enforced")
    assert [enforced.status, enforced.reason, "agree" in enforced.message] == ["True", "Probed", False]
    assert "emailOTP.senderAddress is old@lab.invalid (disk, memory), wanted new@lab.invalid" in enforced.message


def test_a_gate_left_behind_leaves_it_open_whether_the_policy_is_in_force() -> None:
    left = Finding("GateLeftBehind", "a gate is left")
    assert said(outcome(findings=(left,)))["Enforced"] == "Unknown/GateLeftBehind"
