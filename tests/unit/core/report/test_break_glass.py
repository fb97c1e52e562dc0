"""The break-glasses of a report: state and times of each, and invalid ones as notes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.core.report.break_glass import break_glass_reports
from jenkins2fa.core.report.serialize import report_json
from tests.support.literals import instance
from tests.support.report_sample import NOW, REPORT

NO_STATUS: dict[str, Any] = {}
OPEN_STATUS = {
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Open", "message": "m"},
        {"type": "Open", "status": "True", "reason": "Open", "message": "m"},
    ],
    "openedAt": "2026-11-24T11:30:00Z",
    "instances": {"selected": 1, "open": 1, "refused": 0, "opened": 1},
}


CLOSED_STATUS = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "Closed", "message": "m"}],
    "openedAt": "2026-11-24T10:00:00Z",
    "closedAt": "2026-11-24T10:20:00Z",
    "instances": {"selected": 1, "open": 0, "refused": 0, "opened": 1},
}


def break_glass(name: str, expires: str, status: dict[str, Any], selector: dict[str, Any] | None = None) -> dict[str, Any]:
    spec = {"instanceSelector": selector or {}, "expiresAt": expires, "reason": f"INC-{name}"}
    return {"metadata": {"namespace": "tests", "name": name}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("expires", "status", "state", "is_open", "opened", "until"),
    [
        ("2026-11-24T13:00:00Z", OPEN_STATUS, "Open", True, "11:30", "13:00"),
        ("2026-11-24T11:59:00Z", OPEN_STATUS, "Expired", False, "11:30", "11:59"),  # no operator has recorded the end
        ("2026-11-24T13:00:00Z", CLOSED_STATUS, "Closed", False, "10:00", "10:20"),
        ("2026-11-24T13:00:00Z", NO_STATUS, "NotReconciled", False, None, "13:00"),
        ("2026-11-24T11:00:00Z", NO_STATUS, "Expired", False, None, "11:00"),
    ],
)
def test_a_break_glass_is_reported_with_its_times(
    expires: str, status: dict[str, Any], state: str, is_open: bool, opened: str | None, until: str
) -> None:
    (found,), notes = break_glass_reports([break_glass("1", expires, status)], [instance().meta], NOW)
    assert notes == ()
    assert [found.reason, found.state, found.is_open, found.instances] == ["INC-1", state, is_open, ("tests/jenkins",)]
    assert [moment and f"{moment:%H:%M}" for moment in (found.opened_at, found.until)] == [opened, until]


def test_break_glasses_are_listed_latest_first_and_invalid_ones_become_notes() -> None:
    bodies = [
        break_glass("old", "2026-11-20T12:00:00Z", NO_STATUS),
        break_glass("new", "2026-11-24T13:00:00Z", OPEN_STATUS, {"matchLabels": {"tier": "none"}}),
        break_glass("broken", "soon", NO_STATUS),
    ]
    reports, notes = break_glass_reports(bodies, [instance().meta], NOW)
    assert [(one.key, one.instances) for one in reports] == [("tests/new", ()), ("tests/old", ("tests/jenkins",))]
    assert len(notes) == 1
    assert notes[0].startswith("TwoFactorBreakGlass tests/broken is invalid and left out: spec.expiresAt")
    shown = json.loads(report_json(replace(REPORT, break_glasses=reports)))["breakGlasses"]
    assert [(one["name"], one["open"], one["openedAt"], one["closedAt"], one["mostOpen"]) for one in shown] == [
        ("new", True, "2026-11-24T11:30:00Z", None, 1),
        ("old", False, None, None, 0),
    ]
    assert json.loads(report_json(replace(REPORT, break_glasses=None)))["breakGlasses"] is None
