"""The risks and gaps of an instance, from its observation and proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jenkins2fa.api.policy import Factor
from jenkins2fa.api.status import ENFORCED, FALSE, UNKNOWN, Condition
from jenkins2fa.core.observation import Enrolment
from jenkins2fa.core.report.document import Basis, ReportedProof, Rules
from jenkins2fa.core.report.risks import gaps_of, risks
from tests.support.literals import BARE, in_force, premium, spec
from tests.support.report_sample import NOW, PROVEN


def test_risks_follow_from_the_observation() -> None:
    desired = spec(exemptGroups=["robots"], enforcedGroups=["admins"])
    observation = replace(in_force(desired), enrolment=Enrolment(10, not_enrolled=3, administrators=2, administrators_not_enrolled=1))
    rules = Rules("Jenkins", frozenset({Factor.SECURITY_QUESTIONS}), frozenset({"admins"}), frozenset({"robots"}), "Exempt")
    text = "\n".join(risks(rules, observation, PROVEN, NOW))
    assert [
        part in text for part in ("Below AAL2", "Only members of admins", "Members of robots", "stolen token", "fresh second factor")
    ] == [True] * 5
    assert "3 of 10 users have no second factor yet (administrators: 1)" in text
    assert [part in text for part in ("not proven", "There is no gate", "break-glass", "Configuration-as-code")] == [False] * 4
    bare = replace(in_force(spec(), BARE), break_glass_until=NOW + timedelta(minutes=1), managed_by_code=True)
    doubt = ReportedProof(Condition(ENFORCED, UNKNOWN, "Unverified", ""), Basis.PROBE)
    text = "\n".join(risks(None, bare, doubt, NOW))
    assert [part in text for part in ("not proven", "There is no gate", "break-glass", "Configuration-as-code")] == [True] * 4


def test_what_jenkins_could_not_report_is_a_gap() -> None:
    observation = replace(in_force(spec()), damaged=("mailer",), managed_by_code=None)
    assert [gap.what for gap in gaps_of(observation)] == ["mailer", "enrolment", "configuration-as-code"]
    bought = replace(premium(observation), damaged=(), managed_by_code=False, enrolment=Enrolment())
    assert [gap.what for gap in gaps_of(bought)] == ["enrolment in factors of the premium edition"]


def test_an_open_break_glass_is_a_risk_even_if_only_recorded() -> None:
    recorded_open = ReportedProof(Condition(ENFORCED, FALSE, "BreakGlass", ""), Basis.STATUS)
    assert "A break-glass is open: nobody is challenged." in risks(None, None, recorded_open, NOW)


def test_what_the_plugins_own_settings_leave_open_is_a_risk_without_a_gate() -> None:
    gated, bare = in_force(spec()), in_force(spec(), BARE)
    texts = []
    for seen in (gated, bare):
        assert seen.memory is not None
        lax = replace(seen.memory, enabled=False, enrolled_only=True, spared=frozenset({"robot", "ops"}))
        seen = replace(seen, memory=lax, gate=replace(seen.gate, locked_out=3))
        texts.append("\n".join(risks(None, seen, PROVEN, NOW)))
    for part in ("challenges enrolled users only", "own lists exempt 2 users or groups"):
        assert [part in text for text in texts] == [False, True]
    assert ["after wrong answers: 3" in text for text in texts] == [True, True]
    assert not any(name in text for text in texts for name in ("robot", "ops"))
