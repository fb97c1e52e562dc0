"""Checks of the policy: each with a situation that triggers it and a similar one that does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.core.guard.chain import check, refusals
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.observation import Enrolment, MailServer
from tests.support.guarded import MINE, reasons, situation
from tests.support.literals import BARE, FRESH, MANAGED, GateSettings, PluginSettings, in_force, spec
from tests.support.managed import EMAIL

ALONE: dict[str, Any] = {"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL}


NO_MAIL = replace(FRESH, mail_server=MailServer(True, False))


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
def test_a_policy_that_would_lock_the_operator_out_is_refused(fields: dict[str, Any], login: bool, refused: bool) -> None:
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
def test_enforcement_is_refused_if_it_would_challenge_exempt_users(fields: dict[str, Any], needed: str | None) -> None:
    can = {"second_factor_login": True}
    found = [one.message for one in refusals(check(situation(FRESH, BARE, can, **fields))) if one.reason == "GateNeeded"]
    assert [message.partition(":")[0] for message in found] == ([needed] if needed else [])
    assert all("gate.mode: Managed" in message and f"take {needed}".replace(", ", " and ") in message for message in found)
    assert "GateNeeded" not in reasons(FRESH, MANAGED, can, **fields)


def test_fields_that_need_a_gate_are_only_unsupported_once_the_policy_is_in_force() -> None:
    can, fields = {"second_factor_login": True}, {"exemptGroups": ["robots"], "apiTokens": None}
    confirmed = in_force(spec(**fields), BARE)
    assert "GateNeeded" not in reasons(confirmed, BARE, can, **fields)
    assert "GateNeeded" not in reasons(replace(confirmed, live=False), BARE, can, **fields), "somebody switched it off: this is corrected"
    gated = in_force(spec(**fields))
    ungated = replace(gated, live=False, gate=replace(FRESH.gate))
    more = {**can, "owner": gated.owner}
    assert "GateNeeded" in reasons(ungated, BARE, more, **fields), "the same edit, but there was a gate when it was confirmed"
    never_live = replace(confirmed, live=False, owner=None)
    assert "GateNeeded" in reasons(never_live, BARE, can, **fields), "settings alone challenge nobody yet"


def test_a_policy_without_a_factor_of_the_plugin_is_refused() -> None:
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
def test_email_otp_without_a_mail_server_is_refused(fields: dict[str, Any], severity: Severity | None) -> None:
    found = [finding.severity for finding in check(situation(NO_MAIL, **fields)) if finding.reason == "NoMailServer"]
    assert found == ([severity] if severity else [])


def test_an_incomplete_enrolment_count_is_not_enough() -> None:
    asked, uncounted = {"rollout": {"minimumEnrolled": 80}}, replace(FRESH, damaged=("users",))
    assert reasons(uncounted, **asked) == ["EnrolmentTooLow"]
    assert reasons(replace(FRESH, enrolment=Enrolment(total=5)), **asked) == []
    partly = replace(FRESH, enrolment=Enrolment(total=5, administrators=1, administrators_not_enrolled=1, complete=False))
    assert [reasons(partly, **asked), reasons(partly)] == [["EnrolmentTooLow"], []]  # a partial count proves nothing
    assert reasons(replace(uncounted, live=True), **asked) == []  # it is on already
    assert reasons(uncounted) == []


def test_low_enrolment_does_not_block_drift_correction() -> None:
    """2FA was in force, and somebody switched it off. Low enrolment since then is no reason to leave it off."""
    asked = {"rollout": {"minimumEnrolled": 80}}
    confirmed = in_force(spec(apiTokens="Challenge", **asked))
    loose = replace(confirmed.gate, hold=None, stored_hold=None)
    off = replace(confirmed, live=False, memory=PluginSettings(), disk=None, gate=loose, enrolment=Enrolment(5, not_enrolled=5))
    assert off.owner is not None
    another = replace(off, owner=replace(off.owner, desired="another"))
    owner = replace(off.owner, instance=MINE.instance)
    assert reasons(off, **asked) == []
    assert reasons(another, **asked) == ["EnrolmentTooLow"]
    assert reasons(replace(off, owner=None), **asked) == ["EnrolmentTooLow"]
    assert reasons(another, more={"owner": owner}, **asked) == [], "the same edit of the policy, by another version of the operator"
    assert reasons(another, more={"owner": replace(owner, generation=2)}, **asked) == ["EnrolmentTooLow"]


def test_a_missing_mail_server_does_not_block_drift_correction() -> None:
    confirmed = replace(in_force(spec(apiTokens="Challenge", **ALONE)), mail_server=MailServer(True, False))
    assert check(situation(confirmed, **ALONE))[0].severity is Severity.REFUSAL, "nothing would change: it is reported"
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
def test_a_mail_template_without_the_code_is_refused(
    factors: list[str], template: str | None, held: str | None, severity: Severity | None
) -> None:
    mail = {"senderAddress": "a@b.example", **({"template": template} if template else {})}
    fields = {"allowedFactors": factors, **({"emailOTP": mail} if "EmailOTP" in factors else {})}
    observation = replace(FRESH, memory=PluginSettings(template=held))
    found = [(one.reason, one.severity) for one in check(situation(observation, **fields))]
    assert found == ([("MailWithoutCode", severity)] if severity else [])
    assert reasons(observation, **{**fields, "mode": "Disabled"}) == []


def test_unenrolled_administrators_who_are_exempt_are_not_reported() -> None:
    observation = replace(FRESH, enrolment=Enrolment(5, not_enrolled=5, administrators=2, administrators_not_enrolled=2))
    (plain,), (some,) = check(situation(observation)), check(situation(observation, exemptGroups=["admins"]))
    assert [plain.reason, "who are asked" in plain.message] == ["NoAdministratorEnrolled", False]
    assert [some.reason, "2 administrators who are asked for one" in some.message] == ["NoAdministratorEnrolled", True]
    assert reasons(replace(FRESH, enrolment=Enrolment(3, not_enrolled=3, exempt=2)), exemptGroups=["admins"]) == []


def test_users_who_would_be_locked_out_are_reported() -> None:
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
def test_factors_below_the_minimum_assurance_are_reported(fields: dict[str, Any], refused: bool) -> None:
    assert ("AssuranceNotMet" in reasons(**{"minimumAssurance": "AAL2", "allowedFactors": ["WebAuthn"], **fields})) is refused


def test_api_token_rules_that_are_a_hazard_are_reported() -> None:
    assert reasons(apiTokens=None) == ["ApiTokensChallenged"]
    counted = check(situation(replace(FRESH, enrolment=Enrolment(total=5, with_api_token=3)), apiTokens=None))
    assert "(users with a token: 3)" in counted[0].message
    assert reasons(apiTokens="Exempt") == ["ApiTokensExempt"]
    assert reasons(mode="Disabled", apiTokens=None) == []
    assert reasons(FRESH, BARE, {"second_factor_login": True}) == ["ApiTokensChallenged"]


def test_groups_without_known_members_are_reported() -> None:
    assert reasons(enforcedGroups=["a", "b"]) == ["GroupUnverified"]
    assert reasons(replace(FRESH, known_groups=frozenset({"a"})), enforcedGroups=["a", "b"]) == ["GroupUnverified"]
    assert reasons(replace(FRESH, known_groups=frozenset({"a", "b"})), enforcedGroups=["a", "b"]) == []


def test_weakening_needs_approval() -> None:
    observation = in_force(spec(apiTokens="Challenge"))
    for approval, found in ((None, []), ("d1", ["ApprovalRequired"])):
        assert reasons(observation, more={"approval": approval}, mode="Disabled") == found
    assert reasons(FRESH, more={"approval": "d1"}) == []  # strengthening needs none
    everyone = in_force(spec(apiTokens=None), BARE)
    gated = {"enforcedGroups": ["admins"], "apiTokens": "Exempt"}
    assert "ApprovalRequired" in reasons(replace(everyone, known_groups=frozenset({"admins"})), more={"approval": "d1"}, **gated)
