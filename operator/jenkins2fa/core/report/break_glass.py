"""The break-glasses of a report: what each object asks for, and what the operator recorded in its status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_break_glass
from jenkins2fa.api.status import OPEN, READY, TRUE, break_glass_history, condition_of
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.report.document import BreakGlassReport


def break_glass_reports(
    bodies: Iterable[Mapping[str, Any]], instances: Sequence[Metadata], now: datetime
) -> tuple[tuple[BreakGlassReport, ...], tuple[str, ...]]:
    """The reports, those that end last first, and notes on objects that are invalid and left out."""
    reports, notes = [], []
    for body in bodies:
        try:
            reports.append(_report(body, instances, now))
        except InvalidObject as problem:
            metadata = body.get("metadata") or {}
            notes.append(
                f"TwoFactorBreakGlass {metadata.get('namespace')}/{metadata.get('name')} is invalid and left out: "
                f"{' '.join(str(problem).split())}"
            )
    return tuple(sorted(reports, key=lambda report: (-report.until.timestamp(), report.key))), tuple(notes)


def _report(body: Mapping[str, Any], instances: Sequence[Metadata], now: datetime) -> BreakGlassReport:
    break_glass = parse_break_glass(body)
    meta, spec = break_glass.meta, break_glass.spec
    history = break_glass_history(body)
    ready, is_open = condition_of(body, READY), condition_of(body, OPEN)
    expired = spec.expires_at <= now  # Jenkins has ended it by itself, even if no operator has recorded that yet
    return BreakGlassReport(
        namespace=meta.namespace,
        name=meta.name,
        reason=spec.reason,
        state=Reason.EXPIRED if expired else ready.reason if ready else Reason.NOT_RECONCILED,
        is_open=not expired and is_open is not None and is_open.status == TRUE,
        expires_at=spec.expires_at,
        opened_at=history.opened_at,
        closed_at=history.closed_at,
        instances=tuple(sorted(str(instance.key) for instance in instances if break_glass.selects(instance))),
        opened=history.opened,
    )
