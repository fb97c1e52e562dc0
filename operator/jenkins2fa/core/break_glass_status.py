"""A break-glass's status from the statuses of the instances that it selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import format_time
from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import (
    FALSE,
    OPEN,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    BreakGlassCounts,
    BreakGlassStatus,
    Condition,
    clip,
)
from jenkins2fa.core.reasons import Reason

# Ready=True, yet nothing is written there: this break-glass waits in vain.
HELD_BACK = (Reason.SUSPENDED, Reason.REPORTED, Reason.NO_POLICY)
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One selected instance. ``until``: when the break-glass that is open there ends; ``refused``: reason and message, when this one is
    refused there; ``ready``: the instance's own condition."""

    key: Key
    until: datetime | None = None
    refused: tuple[str, str] | None = None
    ready: Condition | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What the status says of the past. ``opened``: the most instances at one time."""

    opened_at: datetime | None = None
    closed_at: datetime | None = None
    opened: int = 0


def aggregate(break_glass: TwoFactorBreakGlass, members: Sequence[Member], history: History, now: datetime) -> BreakGlassStatus:
    """Counts and conditions; the messages name at most three instances."""
    members = sorted(members, key=lambda member: member.key.name)
    expires = break_glass.spec.expires_at
    over = expires <= now or history.closed_at is not None
    refused = [] if over else [member for member in members if member.refused]
    is_open = [] if over else [member for member in members if not member.refused and member.until is not None and member.until > now]
    opened_at = history.opened_at or (now if is_open else None)
    closed_at = history.closed_at or (min(now, expires) if opened_at and not is_open else None)
    opened = max(history.opened, len(is_open))
    if over or closed_at is not None:
        ready = _ended(expires, now, History(opened_at, closed_at, opened))
    else:
        ready = _ready(members, is_open, refused)
    return BreakGlassStatus(
        observed_generation=break_glass.meta.generation,
        conditions=(ready, _reconciling(ready), _stalled(ready), _open(ready, is_open)),
        counts=BreakGlassCounts(selected=len(members), open=len(is_open), refused=len(refused), opened=opened),
        opened_at=opened_at,
        closed_at=closed_at,
    )


def _ended(expires: datetime, now: datetime, history: History) -> Condition:
    reason = Reason.EXPIRED if expires <= now else Reason.CLOSED
    if history.opened_at is None or history.closed_at is None:
        return Condition(READY, TRUE, reason, f"expired at {format_time(expires)}; it was never open")
    instances = "1 instance" if history.opened == 1 else f"{history.opened} instances"
    text = f"was open on {instances} from {format_time(history.opened_at)} to {format_time(history.closed_at)}"
    if reason == Reason.CLOSED:
        text += "; it ended before it expires and does not open again: create another one with a new reason if it is still needed"
    return Condition(READY, TRUE, reason, text)


def _ready(members: Sequence[Member], is_open: Sequence[Member], refused: Sequence[Member]) -> Condition:
    if not members:
        return Condition(
            READY, FALSE, Reason.NO_MATCHING_INSTANCE, "instanceSelector matches no JenkinsInstance of this namespace: check its labels"
        )
    if refused:
        reasons = sorted({member.refused[0] for member in refused if member.refused})
        shown = "; ".join(f"{member.key.name}: {member.refused[1]}" for member in refused[:SHOWN] if member.refused)
        reason = reasons[0] if len(reasons) == 1 else Reason.NOT_OPENED
        return Condition(READY, FALSE, reason, clip(f"not opened on {len(refused)} of {len(members)} instances: {shown}"))
    waiting = [member for member in members if member not in is_open]
    if waiting:
        shown = "; ".join(f"{m.key.name}: {m.ready.reason}: {m.ready.message}" for m in waiting[:SHOWN] if m.ready)
        text = f"not open yet on {len(waiting)} of {len(members)} instances" + (f": {shown}" if shown else "")
        held_back = all(member.ready is not None and member.ready.reason in HELD_BACK for member in waiting)
        return Condition(READY, FALSE, Reason.NOT_OPENED if held_back else Reason.PROGRESSING, clip(text))
    earliest = min(member.until for member in is_open if member.until is not None)
    count = "1 instance" if len(is_open) == 1 else f"{len(is_open)} instances"
    return Condition(READY, TRUE, Reason.OPEN, f"two-factor authentication is off on {count}, at least until {format_time(earliest)}")


def _reconciling(ready: Condition) -> Condition:
    if ready.reason == Reason.PROGRESSING:
        return Condition(RECONCILING, TRUE, ready.reason, ready.message)
    return Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress")


def _stalled(ready: Condition) -> Condition:
    if ready.status == FALSE and ready.reason != Reason.PROGRESSING:
        return Condition(STALLED, TRUE, ready.reason, ready.message)
    return Condition(STALLED, FALSE, ready.reason, "no action required")


def _open(ready: Condition, is_open: Sequence[Member]) -> Condition:
    if is_open:
        return Condition(OPEN, TRUE, Reason.OPEN, f"two-factor authentication is off on {len(is_open)} of the selected instances")
    return Condition(OPEN, FALSE, ready.reason, "this break-glass keeps two-factor authentication off nowhere")
