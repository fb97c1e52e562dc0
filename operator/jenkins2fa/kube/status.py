"""Writing a status: compare first, keep the times of conditions that did not change, one PATCH or none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import format_time

Document = dict[str, Any]


def with_times(wanted: Mapping[str, Any], held: Mapping[str, Any], now: datetime) -> Document:
    """``wanted`` with ``lastTransitionTime`` in each condition: the held one while ``status`` is the same, else ``now``."""
    known = {condition.get("type"): condition for condition in held.get("conditions") or ()}
    conditions = []
    for condition in wanted.get("conditions") or ():
        before = known.get(condition["type"]) or {}
        same = before.get("status") == condition["status"] and before.get("lastTransitionTime")
        conditions.append({**condition, "lastTransitionTime": before["lastTransitionTime"] if same else format_time(now)})
    return {**wanted, "conditions": conditions}


def difference(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> Document:
    """The merge patch that makes ``held`` into ``wanted``; empty = nothing to write. None in ``wanted`` means absent."""
    patch: Document = {}
    for name, value in wanted.items():
        before = held.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            gone = {inner: None for inner in before if inner not in value}
            nested = difference({**value, **gone}, before)
            if nested:
                patch[name] = nested
        elif value != before and not (_is_empty(value) and _is_empty(before)):
            patch[name] = value
    return patch


def _is_empty(value: object) -> bool:
    """Absent, null and an empty list read the same for every consumer; no write for the difference."""
    return value is None or value == []


def transitions(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> list[Document]:
    """The conditions of ``wanted`` whose status or reason differs from ``held``."""
    known = {condition.get("type"): condition for condition in held.get("conditions") or ()}
    return [
        condition
        for condition in wanted.get("conditions") or ()
        if [condition["status"], condition["reason"]] != [(known.get(condition["type"]) or {}).get(name) for name in ("status", "reason")]
    ]
