"""Writing a status, with its Events and one line in the log for each transition. Nothing is written when nothing changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import InvalidObject, format_time
from jenkins2fa.api.meta import Key, read_metadata
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, RECONCILING, STALLED, TRUE, UNKNOWN, governing_policy
from jenkins2fa.controller.cache import Body, key_of
from jenkins2fa.controller.context import Context, name_of, plural_of
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.telemetry.logs import FACTS
from jenkins2fa.kube.client import Unavailable
from jenkins2fa.kube.events import Announcement
from jenkins2fa.kube.lease import OPERATOR

Document = dict[str, Any]

logger = logging.getLogger(__name__)


def write_status(context: Context, kind: Kind, body: Body, document: Mapping[str, Any]) -> bool:
    """Bring an object's status to ``document`` (without times). Returns whether it has changed.

    Transitions are reported by Event and log. A write whose answer was lost may have been carried out: its transitions are reported by the
    next call, which finds out."""
    current, meta = body.get("status") or {}, read_metadata(body)
    desired = {**with_times(document, current, context.now()), OPERATOR: context.other_installations.own}
    patch, unreported = difference(desired, current), context.unreported.get(meta.uid)
    if (not patch and unreported is None) or not context.leading():
        return False
    before = current if unreported is None else unreported
    if patch:
        context.other_installations.claimed(meta.uid)
        try:
            written = context.kubernetes.patch_status(plural_of(kind, meta.key), meta.key, meta.uid, patch)
        except Unavailable:
            context.unreported[meta.uid] = before
            raise
        context.mapping.map_event(kind, "MODIFIED", written)
    context.unreported.pop(meta.uid, None)
    _report(context, kind, body, transitions(desired, before), _names_of(kind, meta.key, {**current, **desired}))
    return True


def invalid_document(generation: int, error: InvalidObject, own_conditions: tuple[str, ...] = (ENFORCED, DRIFTED)) -> Document:
    """The status of an object that cannot be used until someone corrects it.

    ``own_conditions``: the conditions of its kind besides Ready, Reconciling and Stalled; they become Unknown."""
    message = f"the object cannot be used: {error}"[:1024]
    rows = ((READY, FALSE), (RECONCILING, FALSE), (STALLED, TRUE), *((kind, UNKNOWN) for kind in own_conditions))
    conditions = [
        {"type": kind, "status": status, "reason": "Invalid", "message": message, "observedGeneration": generation} for kind, status in rows
    ]
    return {"observedGeneration": generation, "conditions": conditions}


def with_times(desired: Mapping[str, Any], current: Mapping[str, Any], now: datetime) -> Document:
    """``desired`` with ``lastTransitionTime`` in each condition: the present one while ``status`` is the same, else ``now``."""
    known = {condition.get("type"): condition for condition in current.get("conditions") or ()}
    conditions = []
    for condition in desired.get("conditions") or ():
        before = known.get(condition["type"]) or {}
        same = before.get("status") == condition["status"] and before.get("lastTransitionTime")
        conditions.append({**condition, "lastTransitionTime": before["lastTransitionTime"] if same else format_time(now)})
    return {**desired, "conditions": conditions}


def difference(desired: Mapping[str, Any], current: Mapping[str, Any]) -> Document:
    """The merge patch that turns ``current`` into ``desired``; empty = nothing to write. None in ``desired`` means absent."""
    patch: Document = {}
    for name, value in desired.items():
        before = current.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            removed = {inner: None for inner in before if inner not in value}
            nested = difference({**value, **removed}, before)
            if nested:
                patch[name] = nested
        elif value != before and not (_is_empty(value) and _is_empty(before)):
            patch[name] = value
    return patch


def _is_empty(value: object) -> bool:
    """Absent, null and an empty list mean the same to every reader, so the difference is not worth a write."""
    return value is None or value == []


def transitions(desired: Mapping[str, Any], current: Mapping[str, Any]) -> list[Document]:
    """The conditions of ``desired`` whose status or reason differs from ``current``."""
    known = {condition.get("type"): condition for condition in current.get("conditions") or ()}
    return [
        condition
        for condition in desired.get("conditions") or ()
        if [condition["status"], condition["reason"]] != [(known.get(condition["type"]) or {}).get(name) for name in ("status", "reason")]
    ]


def _report(context: Context, kind: Kind, body: Body, changed: list[Document], names: Mapping[str, str]) -> None:
    """Report the transition of Ready, and those of Enforced and Drifted where they add something. Each reason once."""
    by_type = {condition["type"]: condition for condition in changed if _is_worth_reporting(condition)}
    reported: set[str] = set()
    for name in (READY, ENFORCED, DRIFTED):
        condition = by_type.get(name)
        if condition is None or condition["reason"] in reported:
            continue
        if name == ENFORCED and condition["status"] == TRUE and READY in by_type:
            continue  # the message of Ready includes it
        reported.add(condition["reason"])
        status, reason, message = (condition[part] for part in ("status", "reason", "message"))
        facts = {**names, "condition": name, "status": status, "reason": reason}
        logger.info("%s %s: %s=%s/%s: %s", kind, read_metadata(body).key, name, status, reason, message, extra={FACTS: facts})
        bad = status == (TRUE if name == DRIFTED else FALSE)
        context.events.report(name_of(kind, key_of(body)), body, Announcement(reason, message, warning=bad))


def _is_worth_reporting(condition: Mapping[str, Any]) -> bool:
    quiet = {READY: (), ENFORCED: (UNKNOWN,), DRIFTED: (UNKNOWN, FALSE)}
    return condition["type"] in quiet and condition["status"] not in quiet[condition["type"]]


def _names_of(kind: Kind, key: Key, status: Mapping[str, Any]) -> dict[str, str]:
    """The objects that a log line about a status names: an instance with the policy that governs it, a policy, or a break-glass."""
    if kind is not Kind.INSTANCE:
        return {"policy" if kind is Kind.POLICY else "breakGlass": str(key)}
    policy = governing_policy({"status": status})
    return {"instance": str(key), **({"policy": str(Key(policy.namespace, policy.name))} if policy else {})}
