"""Factor strength: what each factor can contribute, what lowers a mixed list, and that the page says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jenkins2fa.api.policy import Factor
from jenkins2fa.api.rules import BELOW_AAL2
from jenkins2fa.core.factors.strength import STRENGTHS, ReachesAAL2, below_aal2, describe, in_order, reservations

F = Factor
PAGE = Path(__file__).parents[4] / "docs" / "factors.md"


def test_every_factor_has_a_rating_and_a_section_of_the_standard() -> None:
    assert set(STRENGTHS) == set(Factor)
    assert all(re.fullmatch(r"Sec\. [0-9.]+(, [0-9.]+)*", one.section) for one in STRENGTHS.values())
    assert all(one.condition for one in STRENGTHS.values() if one.reach is not ReachesAAL2.YES)


def test_policies_are_refused_by_the_same_ratings() -> None:
    assert {one for one, what in STRENGTHS.items() if what.reach is ReachesAAL2.NO} == BELOW_AAL2


def test_factor_ratings_follow_the_standard() -> None:
    assert {one for one, what in STRENGTHS.items() if what.reach is ReachesAAL2.NO} == {F.EMAIL_OTP, F.SECURITY_QUESTIONS}
    assert {one for one, what in STRENGTHS.items() if what.phishing_resistant} == {F.WEB_AUTHN}
    assert {one for one, what in STRENGTHS.items() if what.restricted} == {F.SMS_OTP}


@pytest.mark.parametrize(
    ("factors", "line"),
    [
        (set(), ""),
        ({F.WEB_AUTHN}, "AAL2 (NIST SP 800-63B-4); phishing-resistant: WebAuthn"),
        ({F.EMAIL_OTP}, "AAL1 (NIST SP 800-63B-4); none is phishing-resistant"),
        ({F.WEB_AUTHN, F.EMAIL_OTP}, "AAL1 (NIST SP 800-63B-4), lowered by EmailOTP; phishing-resistant: WebAuthn"),
        (
            {F.DUO_PUSH, F.MOBILE_AUTHENTICATOR},
            "AAL2 on a condition (NIST SP 800-63B-4), because of DuoPush; none is phishing-resistant",
        ),
    ],
)
def test_a_list_of_factors_is_summarized_in_one_line(factors: set[Factor], line: str) -> None:
    assert describe(factors) == line


def test_a_list_is_as_weak_as_its_weakest_whatever_the_order() -> None:
    for first in Factor:
        for second in Factor:
            weaker = [one for one in (first, second) if STRENGTHS[one].reach is ReachesAAL2.NO]
            assert set(below_aal2({first, second})) == set(weaker)
    assert in_order(Factor) == in_order(reversed(Factor))
    assert in_order(Factor)[0] is F.WEB_AUTHN


@pytest.mark.parametrize(
    ("factors", "about"),
    [
        ({F.WEB_AUTHN}, []),
        ({F.MOBILE_AUTHENTICATOR}, ["phishing"]),
        ({F.SMS_OTP, F.WEB_AUTHN}, []),
        ({F.SMS_OTP, F.BACKUP_CODES}, ["SMSOTP", "phishing"]),
        ({F.DUO_PUSH, F.WEB_AUTHN}, ["DuoPush"]),
    ],
)
def test_the_conditions_for_aal2_are_listed(factors: set[Factor], about: list[str]) -> None:
    found = reservations(factors)
    assert [word in text for word, text in zip(about, found, strict=True)] == [True] * len(about)


def test_the_documentation_matches_the_ratings() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == [one.value for one in in_order(Factor)]
    for name, kind, reach, phishing, restricted, section in rows:
        what = STRENGTHS[Factor(name.strip("`"))]
        assert [kind, section] == [what.kind, what.section]
        assert reach == (f"{what.reach.value}: {what.condition}" if what.condition else what.reach.value)
        assert [phishing, restricted] == ["yes" if what.phishing_resistant else "no", "yes" if what.restricted else "no"]
