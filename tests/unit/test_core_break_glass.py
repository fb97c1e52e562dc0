"""Break-glass as a decision: what is opened, until when, and what is refused so that their sum stays bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.core.assess import Assessment, Outcome, Proof
from jenkins2fa.core.break_glass import LEAST, WINDOW, Glass, glass_to_be, possible_at, time_open
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import approval_digest
from tests.support.literals import FRESH, MANAGED, NOW, in_force, instance, plan, spec
from tests.support.managed import policy

LONGEST = timedelta(hours=4)
HOUR = timedelta(hours=1)


def asked(hours: float, reason: str = "INC-9") -> dict[str, object]:
    return {"breakGlass": {"until": (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ"), "reason": reason}}


def after(*spans: tuple[float, float], used: str = "INC-1", open_until: float | None = None) -> Observation:
    """Break-glass from so many to so many hours from now."""
    times = tuple((NOW + timedelta(hours=begun), NOW + timedelta(hours=ended)) for begun, ended in spans)
    until = None if open_until is None else NOW + timedelta(hours=open_until)
    return replace(FRESH, break_glass_times=times, break_glass_used=used, break_glass_until=until)


@pytest.mark.parametrize(
    ("seen", "wish", "until"),
    [
        (after(), 1, 1),
        (after(), 9, 4),  # one alone is bounded too
        (after((-2, -1)), 9, 3),  # another reason gets what is left
        (after((-20, -18), (-3, -2)), 9, 1),
        (after((-1, 3), open_until=3), 9, 3),  # chained to one that is open
        (after((-27, -23)), 9, 3),  # only an hour of it is less than a day old
        (after((-5, -1.1)), 0.05, 0.05),  # what is left is enough for this one
    ],
)
def test_another_reason_gets_what_is_left_of_the_sum(seen: Observation, wish: float, until: float) -> None:
    found = glass_to_be(spec(**asked(wish)), seen, NOW, LONGEST)
    assert (found.glass, found.refused) == (Glass.OPEN, None)
    assert found.until is not None
    assert abs(found.until - (NOW + timedelta(hours=until))) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "again"),
    [
        (after((-5, -1)), -5 + 24 + 1 / 6),
        (after((-23.9, -20.9), (-2, -1)), -23.9 + 24 + 1 / 6),
        (after((-20, -18), (-3, -1)), 4 + 1 / 6),
        (after((-4, 0.5), open_until=0.5), 20 + 2 / 3),  # what is open stays so
    ],
)
def test_a_chain_of_reasons_is_refused_with_the_time_at_which_it_is_possible_again(seen: Observation, again: float) -> None:
    found = glass_to_be(spec(**asked(100)), seen, NOW, LONGEST)
    assert found.glass is Glass.NOTHING
    assert found.refused is not None
    moment = possible_at(seen, NOW, LONGEST)
    assert abs(moment - (NOW + timedelta(hours=again))) < timedelta(seconds=1)
    for part in ("INC-9", "4h", "--longest-break-glass", moment.strftime("%Y-%m-%dT%H:%M"), "jenkins2fa unlock"):
        assert part in found.refused.message
    later = glass_to_be(spec(**asked(100)), replace(seen, break_glass_until=None), moment + timedelta(minutes=2), LONGEST)
    assert later.glass is Glass.OPEN


def test_the_refusal_is_worded_the_same_at_every_look() -> None:
    """Else each pass would write the status."""
    said = {glass_to_be(spec(**asked(100)), after((-5, -1)), NOW + minutes * timedelta(minutes=1), LONGEST).refused for minutes in range(5)}
    assert len(said) == 1


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 1440)), max_size=40))
def test_whatever_is_asked_for_no_day_has_more_than_the_maximum(wishes: list[tuple[int, int]]) -> None:
    """Each wish comes so many minutes after the one before, with a reason of its own, and is for so many minutes."""
    now, spans = NOW, list[tuple[datetime, datetime]]()
    for number, (pause, length) in enumerate(wishes):
        now += timedelta(minutes=pause)
        seen = replace(FRESH, break_glass_times=tuple(spans), break_glass_used=f"INC-{number - 1}")
        until = (now + timedelta(minutes=length)).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = glass_to_be(spec(breakGlass={"until": until, "reason": f"INC-{number}"}), seen, now, LONGEST)
        if found.glass is Glass.OPEN:
            assert found.until is not None
            spans = [(begun, min(ended, now)) for begun, ended in spans] + [(now, found.until)]
    for _, ended in spans:
        day = sum((max(timedelta(0), min(e, ended) - max(b, ended - WINDOW)) for b, e in spans), timedelta(0))
        assert day <= LONGEST


@pytest.mark.parametrize(
    ("seen", "hours", "refused"),
    [
        (after((-2, -1), used="INC-9"), 1, True),
        (after((-2, -1), used="INC-9"), 4 / 3600, False),  # it ends now, by one clock or the other
        (after((-2, -1), used="INC-9"), -1, False),
        (after((-1, 1), used="INC-9", open_until=1), 1, False),  # it is open
        (after((-1, 1), used="INC-9", open_until=1), 3, False),
        (after((-1, 1), used="INC-8", open_until=1), 1, False),
    ],
)
def test_a_used_reason_is_refused_in_words(seen: Observation, hours: float, refused: bool) -> None:
    found = glass_to_be(spec(**asked(hours)), seen, NOW, LONGEST, approval="7-abc" if refused else None)
    assert (found.refused is not None) is refused
    if found.refused is not None:
        assert (found.glass, found.refused.reason) == (Glass.NOTHING, "BreakGlassRefused")
        assert all(part in found.refused.message for part in ("INC-9", "has been used", "new reason"))


def test_a_short_maximum_may_be_used_in_full() -> None:
    found = glass_to_be(spec(**asked(1)), after(), NOW, LEAST / 10)
    assert (found.glass, found.until) == (Glass.OPEN, NOW + LEAST / 10)
    assert time_open(after((-1, 1)), NOW, NOW) == HOUR


def test_it_waits_for_its_approval_and_what_is_open_does_not_end_for_lack_of_one() -> None:
    found = glass_to_be(spec(**asked(1)), after(), NOW, LONGEST, approval="7-abc")
    assert found.glass is Glass.NOTHING
    assert found.refused is not None
    assert found.refused.reason == "ApprovalRequired"
    assert found.refused.message.endswith("jenkins2fa.dev/approve-weakening=7-abc")
    held = after((-1, 2), used="INC-9", open_until=2)
    assert glass_to_be(spec(**asked(2)), held, NOW, LONGEST, approval="7-abc").refused is None
    assert glass_to_be(spec(**asked(1)), held, NOW, LONGEST, approval="7-abc").glass is Glass.OPEN, "an earlier end weakens nothing"


def test_an_approval_is_for_this_very_break_glass() -> None:
    desired = plan(FRESH, spec(), MANAGED).desired
    asked_for = {approval_digest(desired, spec(**wish).break_glass) for wish in ({}, asked(1), asked(2), asked(1, "INC-2"))}
    assert len(asked_for) == 4
    assert approval_digest(desired) in asked_for


def test_a_break_glass_that_is_refused_needs_a_person_and_all_else_goes_on() -> None:
    wanted = policy(**asked(1))
    seen = in_force(wanted.spec, MANAGED)
    refused = glass_to_be(wanted.spec, after((-5, -1)), NOW, LONGEST).refused
    found = Outcome(instance(MANAGED), wanted, Assessment(seen, plan(seen, wanted.spec, MANAGED)), proof=Proof.CHALLENGED, glass=refused)
    said = {condition.type: f"{condition.status}/{condition.reason}" for condition in judge(found, NOW)}
    assert (said["Ready"], said["Stalled"], said["Enforced"]) == ("False/BreakGlassRefused", "True/BreakGlassRefused", "True/Probed")
