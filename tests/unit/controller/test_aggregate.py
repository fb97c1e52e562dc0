"""How often a policy's status is aggregated: at most once a second, but at once for the first report after a change."""

from __future__ import annotations

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.aggregate import SHORTEST_GAP, Pace
from jenkins2fa.controller.queue import Urgency

POLICY, OTHER = Key("tests", "policy"), Key("tests", "other")


def test_only_the_first_report_after_a_change_is_immediate() -> None:
    pace = Pace()
    pace.began(POLICY, Urgency.CHANGE, 100.0)
    assert pace.wait(POLICY, 100.1) == 0.0
    pace.began(POLICY, Urgency.DRIFT, 100.1)
    assert pace.wait(POLICY, 100.6) == pytest.approx(0.5)
    assert pace.wait(OTHER, 100.3) == 0.0


def test_another_change_does_not_make_reports_more_frequent() -> None:
    pace = Pace()
    pace.began(POLICY, Urgency.DRIFT, 100.0)
    pace.began(POLICY, Urgency.CHANGE, 100.5)
    assert pace.wait(POLICY, 100.5) == 0.5


def test_reports_wait_neither_after_a_second_nor_after_deletion() -> None:
    pace = Pace()
    for urgency in (Urgency.CLOCK, Urgency.DRIFT):
        pace.began(POLICY, urgency, 100.0)
        assert pace.wait(POLICY, 100.0) == SHORTEST_GAP
        assert pace.wait(POLICY, 101.0) == 0.0
    pace.forget(POLICY)
    assert pace.wait(POLICY, 100.0) == 0.0
