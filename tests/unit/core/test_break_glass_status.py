"""A break-glass's status: what its instances add up to, and the history that stays when it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import BreakGlassCounts, BreakGlassStatus, Condition, break_glass_status_document
from jenkins2fa.core.break_glass_status import History, Member, aggregate
from tests.support.literals import NOW, break_glass

HOUR = timedelta(hours=1)
ASKED = break_glass(2)
REFUSED = ("BreakGlassRefused", "its reason has been used")


def member(name: str = "build", hours: float | None = None, refused: tuple[str, str] | None = None, ready: str = "InForce") -> Member:
    until = None if hours is None else NOW + hours * HOUR
    return Member(Key("tests", name), until, refused, Condition("Ready", "True", ready, "text of Ready"))


def said(status: BreakGlassStatus) -> dict[str, str]:
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
def test_conditions(members: list[Member], ready: str, reconciling: str, stalled: str, is_open: str) -> None:
    found = said(aggregate(ASKED, members, History(), NOW))
    words = [found[kind].partition("/")[0] for kind in ("Reconciling", "Stalled", "Open")]
    assert (found["Ready"], words) == (ready, [reconciling, stalled, is_open])


def test_counts_and_the_moment_at_which_it_opens() -> None:
    found = aggregate(ASKED, [member("a", 2), member("b", 1), member("c", refused=REFUSED)], History(), NOW)
    assert (found.counts, found.opened_at, found.closed_at) == (BreakGlassCounts(3, 2, 1, 2), NOW, None)
    later = aggregate(ASKED, [member("a", 2)], History(NOW - HOUR, None, 2), NOW)
    assert (later.counts.opened, later.opened_at) == (2, NOW - HOUR)
    assert said(later)["Ready"] == "True/Open"


def test_why_an_instance_is_not_open_is_said() -> None:
    text = aggregate(ASKED, [member(ready="Suspended")], History(), NOW).conditions[0].message
    assert text == "not open yet on 1 of 1 instances: build: Suspended: text of Ready"


def test_one_that_has_expired_stays_as_a_record() -> None:
    found = aggregate(ASKED, [member(hours=3)], History(NOW, None, 1), NOW + 2 * HOUR)
    assert said(found) == {"Ready": "True/Expired", "Reconciling": "False/Expired", "Stalled": "False/Expired", "Open": "False/Expired"}
    assert (found.counts.open, found.counts.opened, found.closed_at) == (0, 1, ASKED.spec.expires_at)
    assert found.conditions[0].message == "was open on 1 instance from 2026-11-24T12:00:00Z to 2026-11-24T14:00:00Z"
    never = aggregate(ASKED, [], History(), NOW + 2 * HOUR)
    assert "it was never open" in never.conditions[0].message
    assert never.closed_at is None


def test_one_that_was_closed_before_it_expires_does_not_open_again() -> None:
    found = aggregate(ASKED, [member()], History(NOW - HOUR, None, 1), NOW)
    assert (said(found)["Ready"], found.closed_at) == ("True/Closed", NOW)
    again = aggregate(ASKED, [member(hours=1)], History(NOW - HOUR, NOW, 1), NOW)
    assert (said(again)["Ready"], again.closed_at, again.counts.open) == ("True/Closed", NOW, 0)


def test_the_document_leaves_out_what_has_not_happened() -> None:
    document = break_glass_status_document(aggregate(ASKED, [member()], History(), NOW))
    assert (document["openedAt"], document["closedAt"]) == (None, None)
    assert document["instances"] == {"selected": 1, "open": 0, "refused": 0, "opened": 0}
