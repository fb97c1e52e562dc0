"""The guard: each check with the situation that trips it, its near miss, and that a message tells the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.instance import CompetingManager, GateMode, GateSpec
from jenkins2fa.core.guard.chain import CHECKS, check, refusals
from jenkins2fa.core.guard.finding import Severity, Situation
from jenkins2fa.core.observation import Enrolment, MailServer, Observation, Owner, Plugin, TrialState
from tests.support.literals import BARE, FRESH, MANAGED, NOW, GateSettings, PluginSettings, in_force, plan, premium, spec
from tests.support.managed import EMAIL

MINE = Owner("cluster", "instance-uid")
ALONE: dict[str, Any] = {"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL}
NO_MAIL = replace(FRESH, mail_server=MailServer(True, False))
PROVIDED = replace(MANAGED, gate=GateSpec(GateMode.PROVIDED))


def situation(seen: Observation = FRESH, where: Any = MANAGED, more: dict[str, Any] | None = None, **fields: Any) -> Situation:
    wanted = spec(**{"apiTokens": "Challenge" if where is not BARE else None, **fields})
    return Situation(wanted, where, seen, plan(seen, wanted, where), **{"owner": MINE, **(more or {})})


def reasons(*arguments: Any, **fields: Any) -> list[str]:
    return [finding.reason for finding in check(situation(*arguments, **fields))]


def test_nothing_speaks_against_an_ordinary_change() -> None:
    assert reasons() == []


@pytest.mark.parametrize(
    ("seen", "reason"),
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
def test_a_jenkins_that_must_not_be_written_to(seen: Observation, reason: str) -> None:
    assert reasons(seen)[0] == reason


@pytest.mark.parametrize(
    "seen",
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
def test_near_misses(seen: Observation) -> None:
    assert [reason for reason in reasons(seen) if reason not in ("ObservationDamaged", "CompetingManagerUnknown")] == []


def test_a_take_over_names_the_owner_it_means() -> None:
    held = replace(FRESH, owner=Owner("other", "x"))
    assert reasons(held, more={"take_over": "other/x"}) == []
    assert reasons(held, more={"take_over": "other/y"}) == ["OwnedElsewhere"]


def test_a_rival_is_no_matter_when_nothing_would_change_or_it_is_acknowledged() -> None:
    wanted = spec(apiTokens="Challenge")
    assert reasons(replace(in_force(wanted), managed_by_code=True)) == []
    assert reasons(replace(FRESH, managed_by_code=True), replace(MANAGED, competing_manager=CompetingManager.OVERRIDE)) == []


@pytest.mark.parametrize(
    ("fields", "login", "refused"),
    [
        ({}, False, True),
        ({}, True, False),
        (ALONE, True, True),
        ({"mode": "Disabled"}, False, False),
        ({"mode": "Audit"}, False, True),
    ],
)
def test_nothing_is_switched_on_that_locks_the_operator_out(fields: dict[str, Any], login: bool, refused: bool) -> None:
    found = check(situation(FRESH, BARE, {"second_factor_login": login}, **fields))
    assert ("OperatorLockedOut" in {finding.reason for finding in refusals(found)}) is refused


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({"exemptGroups": ["robots"]}, "exemptGroups"),
        ({"enforcedGroups": ["admins"]}, "enforcedGroups"),
        ({"apiTokens": "Exempt"}, "apiTokens"),
        ({"exemptGroups": ["robots"], "apiTokens": "Exempt"}, "exemptGroups, apiTokens"),
        ({"exemptGroups": ["robots"], "mode": "Audit"}, "exemptGroups"),
        ({"exemptGroups": ["robots"], "mode": "Disabled"}, None),
        ({"apiTokens": "Challenge"}, None),
        ({"requireOnBuild": {"window": "15m"}, "rememberDevice": "12h"}, None),
    ],
)
def test_nobody_is_asked_first_whom_the_policy_means_to_leave_alone(fields: dict[str, Any], needed: str | None) -> None:
    can = {"second_factor_login": True}
    found = [one.message for one in refusals(check(situation(FRESH, BARE, can, **fields))) if one.reason == "GateNeeded"]
    assert [message.partition(":")[0] for message in found] == ([needed] if needed else [])
    assert all("gate.mode: Managed" in message and f"take {needed}".replace(", ", " and ") in message for message in found)
    assert "GateNeeded" not in reasons(FRESH, MANAGED, can, **fields)


def test_where_it_is_in_force_or_was_confirmed_what_needs_the_gate_is_only_unsupported() -> None:
    can, fields = {"second_factor_login": True}, {"exemptGroups": ["robots"], "apiTokens": None}
    confirmed = in_force(spec(**fields), BARE)
    assert "GateNeeded" not in reasons(confirmed, BARE, can, **fields)
    assert "GateNeeded" not in reasons(replace(confirmed, live=False), BARE, can, **fields), "somebody switched it off: it is put back"
    gated = in_force(spec(**fields))
    ungated = replace(gated, live=False, gate=replace(FRESH.gate))
    more = {**can, "owner": gated.owner}
    assert "GateNeeded" in reasons(ungated, BARE, more, **fields), "the same edit, with a gate at that time"
    never_live = replace(confirmed, live=False, owner=None)
    assert "GateNeeded" in reasons(never_live, BARE, can, **fields), "on in the settings alone asks nobody yet"


def test_no_factor_that_the_plugin_has() -> None:
    assert reasons(allowedFactors=["YubiKey", "WebAuthn"]) == ["NoFactor"]
    assert reasons(allowedFactors=["YubiKey"], mode="Disabled") == []


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        (ALONE, Severity.REFUSAL),
        ({"allowedFactors": ["EmailOTP", "YubiKey"], "emailOTP": EMAIL}, Severity.REFUSAL),
        ({"allowedFactors": ["EmailOTP", "SecurityQuestions"], "emailOTP": EMAIL}, Severity.HAZARD),
        ({}, None),
        ({**ALONE, "mode": "Disabled"}, None),
    ],
)
def test_no_mail_server(fields: dict[str, Any], severity: Severity | None) -> None:
    found = [finding.severity for finding in check(situation(NO_MAIL, **fields)) if finding.reason == "NoMailServer"]
    assert found == ([severity] if severity else [])


def test_an_enrolment_that_could_not_be_counted_is_not_taken_for_enough() -> None:
    asked, uncounted = {"rollout": {"minimumEnrolled": 80}}, replace(FRESH, damaged=("users",))
    assert reasons(uncounted, **asked) == ["EnrolmentTooLow"]
    assert reasons(replace(FRESH, enrolment=Enrolment(total=5)), **asked) == []
    partly = replace(FRESH, enrolment=Enrolment(total=5, administrators=1, administrators_not_enrolled=1, complete=False))
    assert [reasons(partly, **asked), reasons(partly)] == [["EnrolmentTooLow"], []]  # nothing is concluded from a part
    assert reasons(replace(uncounted, live=True), **asked) == []  # it is on already
    assert reasons(uncounted) == []


def test_an_enrolment_that_is_too_low_holds_back_no_correction() -> None:
    """2FA was in force, and somebody switched it off: that people have not enrolled since is no reason to leave it off."""
    asked = {"rollout": {"minimumEnrolled": 80}}
    confirmed = in_force(spec(apiTokens="Challenge", **asked))
    loose = replace(confirmed.gate, hold=None, stored_hold=None)
    off = replace(confirmed, live=False, memory=PluginSettings(), disk=None, gate=loose, enrolment=Enrolment(5, not_enrolled=5))
    assert off.owner is not None
    another = replace(off, owner=replace(off.owner, desired="another"))
    mark = replace(off.owner, instance=MINE.instance)
    assert reasons(off, **asked) == []
    assert reasons(another, **asked) == ["EnrolmentTooLow"]
    assert reasons(replace(off, owner=None), **asked) == ["EnrolmentTooLow"]
    assert reasons(another, more={"owner": mark}, **asked) == [], "the same edit of the policy, by another version of the operator"
    assert reasons(another, more={"owner": replace(mark, generation=2)}, **asked) == ["EnrolmentTooLow"]


def test_without_a_mail_server_what_was_there_before_is_corrected_all_the_same() -> None:
    confirmed = replace(in_force(spec(apiTokens="Challenge", **ALONE)), mail_server=MailServer(True, False))
    assert check(situation(confirmed, **ALONE))[0].severity is Severity.REFUSAL, "nothing would change: it is told"
    lax = replace(confirmed, gate=replace(confirmed.gate, settings=GateSettings("admin", exempt_groups=frozenset({"x"}))))
    assert [(one.reason, one.severity) for one in check(situation(lax, **ALONE))] == [("NoMailServer", Severity.HAZARD)]
    off = replace(confirmed, live=False)
    assert check(situation(off, **ALONE))[0].severity is Severity.REFUSAL, "it would be switched on"
    both = in_force(spec(apiTokens="Challenge", allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL))
    narrower = replace(both, mail_server=MailServer(True, False))
    assert check(situation(narrower, **ALONE))[0].severity is Severity.REFUSAL, "it would be the only factor"


@pytest.mark.parametrize(
    ("factors", "template", "held", "severity"),
    [
        (["EmailOTP"], None, "your code", Severity.REFUSAL),
        (["EmailOTP", "SecurityQuestions"], None, "your code", Severity.HAZARD),
        (["EmailOTP"], "code: $otp", "your code", None),
        (["EmailOTP"], None, "code: $otp", None),
        (["EmailOTP"], None, None, None),
        (["SecurityQuestions"], None, "your code", None),
    ],
)
def test_a_template_without_the_code(factors: list[str], template: str | None, held: str | None, severity: Severity | None) -> None:
    mail = {"senderAddress": "a@b.example", **({"template": template} if template else {})}
    fields = {"allowedFactors": factors, **({"emailOTP": mail} if "EmailOTP" in factors else {})}
    seen = replace(FRESH, memory=PluginSettings(template=held))
    found = [(one.reason, one.severity) for one in check(situation(seen, **fields))]
    assert found == ([("MailWithoutCode", severity)] if severity else [])
    assert reasons(seen, **{**fields, "mode": "Disabled"}) == []


def test_administrators_who_are_not_asked_are_not_spoken_of() -> None:
    seen = replace(FRESH, enrolment=Enrolment(5, not_enrolled=5, administrators=2, administrators_not_enrolled=2))
    (plain,), (some,) = check(situation(seen)), check(situation(seen, exemptGroups=["admins"]))
    assert [plain.reason, "who are asked" in plain.message] == ["NoAdministratorEnrolled", False]
    assert [some.reason, "2 administrators who are asked for one" in some.message] == ["NoAdministratorEnrolled", True]
    assert reasons(replace(FRESH, enrolment=Enrolment(3, not_enrolled=3, exempt=2)), exemptGroups=["admins"]) == []


def test_users_who_could_not_get_in() -> None:
    some = replace(FRESH, enrolment=Enrolment(total=5, without_address=2))
    assert reasons(some, **ALONE) == ["UsersWithoutAddress"]
    assert reasons(some) == []
    assert reasons(replace(FRESH, enrolment=Enrolment(total=5)), **ALONE) == []


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, True),
        ({"mode": "Disabled"}, False),
        ({"minimumAssurance": "AAL1"}, False),
    ],
)
def test_assurance(fields: dict[str, Any], refused: bool) -> None:
    assert ("AssuranceNotMet" in reasons(**{"minimumAssurance": "AAL2", "allowedFactors": ["WebAuthn"], **fields})) is refused


def test_a_provided_gate_has_to_be_the_right_one_already() -> None:
    wanted = spec(apiTokens="Challenge")
    assert reasons(FRESH, PROVIDED) == ["GateNotProvided"]
    seen = in_force(wanted, PROVIDED)
    assert reasons(seen, PROVIDED) == []
    assert reasons(replace(seen, live=False), PROVIDED) == []  # the plugin's own settings are ours to write
    other = replace(seen, gate=replace(seen.gate, settings=GateSettings("admin", exempt_groups=frozenset({"x"}))))
    assert reasons(other, PROVIDED) == ["GateNotProvided"]
    assert reasons(other, PROVIDED, mode="Disabled") == [], "where nobody is asked for anything, its rules do not count"
    assert {change.path for change in situation(other, PROVIDED, mode="Disabled").plan.changes} == {"mode", "gate.hold"}


def test_hazards_of_tokens() -> None:
    assert reasons(apiTokens=None) == ["ApiTokensChallenged"]
    counted = check(situation(replace(FRESH, enrolment=Enrolment(total=5, with_api_token=3)), apiTokens=None))
    assert "(users with a token: 3)" in counted[0].message
    assert reasons(apiTokens="Exempt") == ["ApiTokensExempt"]
    assert reasons(mode="Disabled", apiTokens=None) == []
    assert reasons(FRESH, BARE, {"second_factor_login": True}) == ["ApiTokensChallenged"]


def test_a_group_that_nobody_is_known_to_be_in() -> None:
    assert reasons(enforcedGroups=["a", "b"]) == ["GroupUnverified"]
    assert reasons(replace(FRESH, known_groups=frozenset({"a"})), enforcedGroups=["a", "b"]) == ["GroupUnverified"]
    assert reasons(replace(FRESH, known_groups=frozenset({"a", "b"})), enforcedGroups=["a", "b"]) == []


def test_weakening_waits_for_an_approval() -> None:
    seen = in_force(spec(apiTokens="Challenge"))
    for approval, found in ((None, []), ("d1", ["ApprovalRequired"])):
        assert reasons(seen, more={"approval": approval}, mode="Disabled") == found
    assert reasons(FRESH, more={"approval": "d1"}) == []  # strengthening needs none
    everyone = in_force(spec(apiTokens=None), BARE)
    gated = {"enforcedGroups": ["admins"], "apiTokens": "Exempt"}
    assert "ApprovalRequired" in reasons(replace(everyone, known_groups=frozenset({"admins"})), more={"approval": "d1"}, **gated)


def test_flapping_stops_corrections_only() -> None:
    seen = replace(in_force(spec(apiTokens="Challenge")), live=False)
    assert reasons(seen, more={"flapping": ("mode",)}) == ["Flapping"]
    assert reasons(in_force(spec(apiTokens="Challenge")), more={"flapping": ("mode",)}) == []


def test_flapping_of_one_field_holds_back_no_other() -> None:
    confirmed = in_force(spec(apiTokens="Challenge"))
    lax = replace(confirmed.gate, settings=GateSettings("admin", exempt_groups=frozenset({"x"})))
    assert reasons(replace(confirmed, live=False), more={"flapping": ("exemptGroups",)}) == [], "that one is right now"
    assert reasons(replace(confirmed, live=False, gate=lax), more={"flapping": ("exemptGroups",)}) == []
    (found,) = check(situation(replace(confirmed, live=False), more={"flapping": ("mode", "exemptGroups")}))
    assert [found.reason, found.message.startswith("mode: ")] == ["Flapping", True]


def test_refusals_come_first_and_every_message_tells_a_way_out() -> None:
    worst = replace(NO_MAIL, owner=Owner("other", "x"), managed_by_code=True, trial=TrialState("t", NOW), memory=PluginSettings())
    found = check(situation(worst, BARE, enforcedGroups=["a"], **ALONE))
    assert len(found) >= 6
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=lambda one: one is Severity.HAZARD)
    assert all(len(finding.message) > 40 for finding in found)
    assert len({finding.reason for finding in found}) == len(found)


def test_every_check_answers_for_one_reason() -> None:
    assert len(set(CHECKS)) == len(CHECKS)
    assert {one.__module__ for one in CHECKS} == {"jenkins2fa.core.guard.controller", "jenkins2fa.core.guard.policy"}


def test_a_gate_that_stays_although_none_is_wanted_is_said() -> None:
    left = replace(FRESH, gate=replace(FRESH.gate, installed=1))
    assert "GateLeftBehind" in reasons(left, BARE)
    assert "GateLeftBehind" not in reasons(FRESH, BARE)
    assert "GateLeftBehind" not in reasons(left)
    assert "GateLeftBehind" not in reasons(left, BARE, mode="Disabled")


def test_sources_that_cannot_be_read_are_a_hazard() -> None:
    found = check(situation(replace(FRESH, managed_by_code=None)))
    assert [(finding.reason, finding.severity) for finding in found] == [("CompetingManagerUnknown", Severity.HAZARD)]


def test_people_without_any_group_are_told_of_where_groups_decide() -> None:
    seen = in_force(spec(apiTokens="Challenge", enforcedGroups=["Devs"]))
    untold = replace(seen, gate=replace(seen.gate, unplaced=2))
    told = [one for one in check(situation(untold, enforcedGroups=["Devs"])) if one.reason == "GroupsUntold"]
    assert [(one.severity, "2 people" in one.message) for one in told] == [(Severity.HAZARD, True)]
    assert "GroupsUntold" not in reasons(seen, enforcedGroups=["Devs"]) + reasons(replace(untold))


def test_what_a_provided_gate_holds_is_written_without_its_file() -> None:
    seen = in_force(spec(apiTokens="Challenge"), PROVIDED)
    other = replace(seen, gate=replace(seen.gate, hold=frozenset({"emailOTP"})))
    assert {change.path for change in situation(other, PROVIDED).plan.changes} == {"gate.hold"}
    assert reasons(other, PROVIDED) == []
    loose = replace(seen, gate=replace(seen.gate, hold=None, stored_hold=None))
    assert situation(loose, PROVIDED).plan.changes == (), "a home that nobody can write to keeps no note"
