"""Whether a reconcile may write, and the first reason why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.instance import Access
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from tests.support.literals import MANAGED, NOW, spec

GRACE = {"rollout": {"graceUntil": "2026-11-24T13:00:00Z"}}


@pytest.mark.parametrize(
    ("fields", "access", "circumstances", "mode"),
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
        ({}, Access.MANAGE, {"admitted": False, "drift": True}, Mode.WRITE),  # a policy confirmed there already needs no rollout
        ({"driftPolicy": "Report"}, Access.MANAGE, {"admitted": False, "drift": True}, Mode.REPORT_DRIFT),
        (GRACE, Access.MANAGE, {}, Mode.GRACE),
        (GRACE, Access.MANAGE, {"protected": True}, Mode.WRITE),  # only the first enforcement waits
        ({**GRACE, "mode": "Disabled"}, Access.MANAGE, {}, Mode.WRITE),
        ({**GRACE, "mode": "Audit"}, Access.MANAGE, {}, Mode.AUDIT),
        (GRACE, Access.MANAGE, {"drift": True}, Mode.WRITE),  # it was in force, and was switched off since
        (GRACE, Access.MANAGE, {"now": NOW + timedelta(hours=1)}, Mode.WRITE),
    ],
)
def test_the_mode_and_the_first_reason_not_to_write(
    fields: dict[str, Any], access: Access, circumstances: dict[str, Any], mode: Mode
) -> None:
    assert mode_of(spec(**fields), replace(MANAGED, access=access), Circumstances(**{"now": NOW, **circumstances})) is mode
