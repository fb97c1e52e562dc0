"""Break-glass: what is opened until when, what is refused, and the status aggregated from its instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.meta import APPROVE_WEAKENING, Key
from jenkins2fa.api.status import BreakGlassCounts, BreakGlassHistory, BreakGlassStatus, Condition, break_glass_status_document
from jenkins2fa.core.approval import break_glass_approval
from jenkins2fa.core.assess import Assessment, Outcome, Proof
from jenkins2fa.core.break_glass import (
    SHORTEST,
    WINDOW,
    Action,
    BreakGlassMember,
    Decision,
    active,
    aggregate_break_glass,
    decide,
    possible_again_at,
    time_open,
)
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.observation import Observation
from tests.support.literals import FRESH, MANAGED, NOW, break_glass, in_force, instance, plan
from tests.support.managed import policy

LONGEST = timedelta(hours=4)


HOUR = timedelta(hours=1)


def decided(
    asked: TwoFactorBreakGlass, observation: Observation, now: datetime = NOW, longest: timedelta = LONGEST, **more: bool
) -> Decision:
    return decide(active([asked], instance().meta, now), observation, now, longest, **more)


def refusal(found: Decision) -> str:
    (refused,) = found.refused
    return refused.finding.message


def after(*spans: tuple[float, float], used: str = "INC-1", open_until: float | None = None) -> Observation:
    """An observation of past break-glasses, each with start and end in hours from NOW."""
    times = tuple((NOW + timedelta(hours=begun), NOW + timedelta(hours=ended)) for begun, ended in spans)
    until = None if open_until is None else NOW + timedelta(hours=open_until)
    return replace(FRESH, break_glass_times=times, break_glass_used=used, break_glass_until=until)


@pytest.mark.parametrize(
    ("until", "open_until", "used", "expected"),
    [
        (1, None, None, Action.OPEN),
        (1, None, "INC-1", Action.NOTHING),  # that reason was used
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
def test_decision(until: int | None, open_until: int | None, used: str | None, expected: Action) -> None:
    at = {hours: NOW + timedelta(hours=hours) for hours in (-1, 1, 2, 3)}
    asked = [] if until is None else [break_glass(until, "INC-1")]
    observation = replace(FRESH, break_glass_until=None if open_until is None else at[open_until], break_glass_used=used)
    assert decide(active(asked, instance().meta, NOW), observation, NOW).action is expected


@pytest.mark.parametrize(
    ("observation", "hours", "until"),
    [
        (after(), 1, 1),
        (after(), 9, 4),  # a single one is limited too
        (after((-2, -1)), 9, 3),  # another reason gets what is left
        (after((-20, -18), (-3, -2)), 9, 1),
        (after((-1, 3), open_until=3), 9, 3),  # chained to one that is open
        (after((-27, -23)), 9, 3),  # only an hour of it is less than a day old
        (after((-5, -1.1)), 0.05, 0.05),  # what is left is enough for this one
    ],
)
def test_another_reason_gets_the_rest_of_the_daily_maximum(observation: Observation, hours: float, until: float) -> None:
    found = decided(break_glass(hours), observation)
    assert (found.action, found.refused) == (Action.OPEN, ())
    assert found.until is not None
    assert abs(found.until - (NOW + timedelta(hours=until))) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("observation", "again"),
    [
        (after((-5, -1)), -5 + 24 + 1 / 6),
        (after((-23.9, -20.9), (-2, -1)), -23.9 + 24 + 1 / 6),
        (after((-20, -18), (-3, -1)), 4 + 1 / 6),
        (after((-4, 0.5), open_until=0.5), 20 + 2 / 3),  # what is open stays so
    ],
)
def test_a_chain_of_reasons_is_refused_with_the_earliest_time_for_the_next(observation: Observation, again: float) -> None:
    found = decided(break_glass(100), observation)
    assert found.action is (Action.CLOSE if observation.break_glass_until else Action.NOTHING), "no longer requested, so it is closed"
    moment = possible_again_at(observation, NOW, LONGEST)
    assert abs(moment - (NOW + timedelta(hours=again))) < timedelta(seconds=1)
    for part in ("INC-9", "4h", "--longest-break-glass", moment.strftime("%Y-%m-%dT%H:%M"), "jenkins2fa unlock"):
        assert part in refusal(found)
    later = decided(break_glass(100), replace(observation, break_glass_until=None), moment + timedelta(minutes=2))
    assert later.action is Action.OPEN


def test_the_refusal_is_worded_the_same_at_every_reconcile() -> None:
    """Otherwise each reconcile would write the status."""
    conditions_of = {refusal(decided(break_glass(100), after((-5, -1)), NOW + minutes * timedelta(minutes=1))) for minutes in range(5)}
    assert len(conditions_of) == 1


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 1440)), max_size=40))
def test_no_sequence_of_requests_exceeds_the_daily_maximum(requests: list[tuple[int, int]]) -> None:
    """Each request has its own reason; the numbers are minutes since the request before and its duration in minutes."""
    now, spans = NOW, list[tuple[datetime, datetime]]()
    for number, (pause, length) in enumerate(requests):
        now += timedelta(minutes=pause)
        observation = replace(FRESH, break_glass_times=tuple(spans), break_glass_used=f"INC-{number - 1}")
        desired = break_glass((now - NOW) / HOUR + length / 60, f"INC-{number}")
        found = decided(desired, observation, now)
        if found.action is Action.OPEN:
            assert found.until is not None
            spans = [(begun, min(ended, now)) for begun, ended in spans] + [(now, found.until)]
    for _, ended in spans:
        day = sum((max(timedelta(0), min(e, ended) - max(b, ended - WINDOW)) for b, e in spans), timedelta(0))
        assert day <= LONGEST


@pytest.mark.parametrize(
    ("observation", "hours", "refused"),
    [
        (after((-2, -1), used="INC-9"), 1, True),
        (after((-2, -1), used="INC-9"), 4 / 3600, False),  # it ends now, by one clock or the other
        (after((-2, -1), used="INC-9"), -1, False),
        (after((-1, 1), used="INC-9", open_until=1), 1, False),  # it is open
        (after((-1, 1), used="INC-9", open_until=1), 3, False),
        (after((-1, 1), used="INC-8", open_until=1), 1, False),
    ],
)
def test_the_message_explains_that_a_reason_was_used(observation: Observation, hours: float, refused: bool) -> None:
    found = decided(break_glass(hours), observation, require_approval=refused)
    assert bool(found.refused) is refused
    if refused:
        assert (found.action, found.refused[0].finding.reason) == (Action.NOTHING, "BreakGlassRefused")
        assert all(part in refusal(found) for part in ("incident", "INC-9", "has been used", "new reason"))


def test_a_short_maximum_can_be_used_in_full() -> None:
    found = decided(break_glass(1), after(), NOW, SHORTEST / 10)
    assert (found.action, found.until) == (Action.OPEN, NOW + SHORTEST / 10)
    assert time_open(after((-1, 1)), NOW, NOW) == HOUR


def test_only_opening_needs_approval_not_staying_open() -> None:
    asked = break_glass(1)
    found = decided(asked, after(), require_approval=True)
    assert found.action is Action.NOTHING
    assert found.refused[0].finding.reason == "ApprovalRequired"
    digest = break_glass_approval(asked)
    assert refusal(found).endswith(f"twofactorbreakglasses incident -n tests jenkins2fa.dev/approve-weakening={digest}")
    approved = replace(asked, meta=replace(asked.meta, annotations={APPROVE_WEAKENING: digest}))
    assert decided(approved, after(), require_approval=True).action is Action.OPEN
    held = after((-1, 2), used="INC-9", open_until=2)
    assert decided(break_glass(2), held, require_approval=True).refused == ()
    assert decided(break_glass(1), held, require_approval=True).action is Action.OPEN, "an earlier end does not weaken protection"


def test_an_approval_is_for_one_break_glass_only() -> None:
    asked = (break_glass(1), break_glass(2), break_glass(1, "INC-2"), break_glass(1, name="another"), break_glass(1, uid="made-again"))
    assert len({break_glass_approval(one) for one in asked}) == 5


def test_the_break_glass_that_expires_last_counts_unless_it_is_refused() -> None:
    short, long = break_glass(1, "INC-1", "short"), break_glass(2, "INC-2", "long")
    asked = active([short, long], instance().meta, NOW)
    assert [one.meta.name for one in asked] == ["long", "short"]
    assert decide(asked, after(used="INC-0"), NOW).break_glass is long
    spent = decide(asked, after(used="INC-2"), NOW)
    assert (spent.action, spent.break_glass) == (Action.OPEN, short)
    assert [one.break_glass for one in spent.refused] == [long]
    held = decide([short], after((-1, 1), used="INC-1", open_until=1), NOW)
    assert (held.action, held.break_glass) == (Action.NOTHING, short)


@pytest.mark.parametrize(
    "other",
    [
        break_glass(-1),
        break_glass(1, deleting=True),
        replace(break_glass(1), meta=replace(break_glass(1).meta, namespace="elsewhere")),
    ],
)
def test_an_expired_break_glass_or_one_of_another_namespace_is_ignored(other: TwoFactorBreakGlass) -> None:
    asked = active([other], instance().meta, NOW)
    assert asked == ()
    assert decide(asked, after((-1, 1), open_until=1), NOW).action is Action.CLOSE


def test_a_refused_break_glass_needs_attention_and_the_reconcile_continues() -> None:
    desired = policy()
    observation = in_force(desired.spec, MANAGED)
    refused = decided(break_glass(1), after((-5, -1)))
    basis = Assessment(observation, plan(observation, desired.spec, MANAGED))
    found = Outcome(instance(MANAGED), desired, basis, proof=Proof.CHALLENGED, break_glass=refused)
    conditions_of = {condition.type: f"{condition.status}/{condition.reason}" for condition in judge(found, NOW)}
    assert (conditions_of["Ready"], conditions_of["Stalled"], conditions_of["Enforced"]) == (
        "False/BreakGlassRefused",
        "True/BreakGlassRefused",
        "True/Probed",
    )


ASKED = break_glass(2)


REFUSED = ("BreakGlassRefused", "its reason has been used")


def member(
    name: str = "build", hours: float | None = None, refused: tuple[str, str] | None = None, ready: str = "InForce"
) -> BreakGlassMember:
    until = None if hours is None else NOW + hours * HOUR
    return BreakGlassMember(Key("tests", name), until, refused, Condition("Ready", "True", ready, "text of Ready"))


def conditions_of(status: BreakGlassStatus) -> dict[str, str]:
    return {one.type: f"{one.status}/{one.reason}" for one in status.conditions}


@pytest.mark.parametrize(
    ("members", "ready", "reconciling", "stalled", "is_open"),
    [
        ([], "False/NoMatchingInstance", "False", "True", "False"),
        ([member()], "False/Progressing", "True", "False", "False"),
        ([member("a", 2), member("b")], "False/Progressing", "True", "False", "True"),
        ([member(hours=2)], "True/Open", "False", "False", "True"),
        ([member("a", 2), member("b", refused=REFUSED)], "False/BreakGlassRefused", "False", "True", "True"),
        ([member("a", refused=("ApprovalRequired", "")), member("b", refused=REFUSED)], "False/NotOpened", "False", "True", "False"),
        ([member(ready="Suspended")], "False/NotOpened", "False", "True", "False"),
        ([member(hours=-1)], "False/Progressing", "True", "False", "False"),
    ],
)
def test_conditions(members: list[BreakGlassMember], ready: str, reconciling: str, stalled: str, is_open: str) -> None:
    found = conditions_of(aggregate_break_glass(ASKED, members, BreakGlassHistory(), NOW))
    words = [found[kind].partition("/")[0] for kind in ("Reconciling", "Stalled", "Open")]
    assert (found["Ready"], words) == (ready, [reconciling, stalled, is_open])


def test_status_counts_instances_and_records_when_it_opened() -> None:
    found = aggregate_break_glass(ASKED, [member("a", 2), member("b", 1), member("c", refused=REFUSED)], BreakGlassHistory(), NOW)
    assert (found.counts, found.opened_at, found.closed_at) == (BreakGlassCounts(3, 2, 1, 2), NOW, None)
    later = aggregate_break_glass(ASKED, [member("a", 2)], BreakGlassHistory(NOW - HOUR, None, 2), NOW)
    assert (later.counts.opened, later.opened_at) == (2, NOW - HOUR)
    assert conditions_of(later)["Ready"] == "True/Open"


def test_the_status_says_why_an_instance_is_not_open() -> None:
    text = aggregate_break_glass(ASKED, [member(ready="Suspended")], BreakGlassHistory(), NOW).conditions[0].message
    assert text == "not open yet on 1 of 1 instances: build: Suspended: text of Ready"


def test_an_expired_break_glass_remains_as_a_record() -> None:
    found = aggregate_break_glass(ASKED, [member(hours=3)], BreakGlassHistory(NOW, None, 1), NOW + 2 * HOUR)
    assert conditions_of(found) == {
        "Ready": "True/Expired",
        "Reconciling": "False/Expired",
        "Stalled": "False/Expired",
        "Open": "False/Expired",
    }
    assert (found.counts.open, found.counts.opened, found.closed_at) == (0, 1, ASKED.spec.expires_at)
    assert found.conditions[0].message == "was open on 1 instance from 2026-11-24T12:00:00Z to 2026-11-24T14:00:00Z"
    never = aggregate_break_glass(ASKED, [], BreakGlassHistory(), NOW + 2 * HOUR)
    assert "it was never open" in never.conditions[0].message
    assert never.closed_at is None


def test_a_break_glass_closed_early_does_not_open_again() -> None:
    found = aggregate_break_glass(ASKED, [member()], BreakGlassHistory(NOW - HOUR, None, 1), NOW)
    assert (conditions_of(found)["Ready"], found.closed_at) == ("True/Closed", NOW)
    again = aggregate_break_glass(ASKED, [member(hours=1)], BreakGlassHistory(NOW - HOUR, NOW, 1), NOW)
    assert (conditions_of(again)["Ready"], again.closed_at, again.counts.open) == ("True/Closed", NOW, 0)


def test_the_status_omits_what_has_not_happened() -> None:
    document = break_glass_status_document(aggregate_break_glass(ASKED, [member()], BreakGlassHistory(), NOW))
    assert (document["openedAt"], document["closedAt"]) == (None, None)
    assert document["instances"] == {"selected": 1, "open": 0, "refused": 0, "opened": 0}
