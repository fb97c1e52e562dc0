"""Break-glass: two-factor authentication off for a short, named time.

:func:`decide` says what to open or close at one controller; the controller itself ends what is open. :func:`aggregate_break_glass` makes
the status of a ``TwoFactorBreakGlass`` from its instances. The limit holds for all break-glasses of a day together, because a chain of
them would otherwise switch two-factor authentication off for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.break_glass import PLURAL, TwoFactorBreakGlass
from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.meta import Key, Metadata
from jenkins2fa.api.status import (
    FALSE,
    OPEN,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    BreakGlassCounts,
    BreakGlassHistory,
    BreakGlassStatus,
    Condition,
    clip,
)
from jenkins2fa.core.approval import break_glass_approval, how_to_approve, is_approved
from jenkins2fa.core.guard.finding import Finding
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason

LONGEST = timedelta(hours=4)  # the default of --longest-break-glass
WINDOW = timedelta(hours=24)  # the limit holds for the sum within it
CLOCK_TOLERANCE = timedelta(seconds=5)
SHORTEST = timedelta(minutes=10)  # if less is left of the limit, a break-glass is refused, so that its reason is not used up
# With these reasons Ready is True, but nothing is written: the break-glass would wait forever.
HELD_BACK = (Reason.SUSPENDED, Reason.REPORTED, Reason.NO_POLICY)
SHOWN = 3


class Action(StrEnum):
    """What to do at one controller."""

    NOTHING = "Nothing"
    OPEN = "Open"
    CLOSE = "Close"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a break-glass is not opened."""

    break_glass: TwoFactorBreakGlass
    finding: Finding


@dataclass(frozen=True, slots=True)
class Decision:
    """``break_glass``: the one that is open, or that opens now. ``until``: when it ends, which may be before ``expiresAt``."""

    action: Action
    break_glass: TwoFactorBreakGlass | None = None
    until: datetime | None = None
    refused: tuple[Refusal, ...] = ()


def active(break_glasses: Iterable[TwoFactorBreakGlass], instance: Metadata, now: datetime) -> tuple[TwoFactorBreakGlass, ...]:
    """The break-glasses that ask for an instance to be open now. The one that expires last comes first, and counts."""
    selecting = [one for one in break_glasses if one.selects(instance) and not one.meta.deleting and one.spec.expires_at > now]
    return tuple(sorted(selecting, key=lambda one: (-one.spec.expires_at.timestamp(), one.meta.created, one.meta.name)))


def decide(
    asked: Sequence[TwoFactorBreakGlass],
    observation: Observation,
    now: datetime,
    longest: timedelta = LONGEST,
    *,
    require_approval: bool = False,
) -> Decision:
    """What to do, and which break-glasses are refused. ``asked``: the active ones in order; the first that is not refused counts.

    OPEN also moves the end forward: Jenkins takes the earlier of ``until`` and the first use of the reason plus ``longest``. A reason
    whose break-glass is over does not open another one."""
    refused: list[Refusal] = []
    for break_glass in asked:
        decision = _decide_one(break_glass, observation, now, longest, require_approval=require_approval)
        if isinstance(decision, Decision):
            return Decision(decision.action, break_glass, decision.until, tuple(refused))
        refused.append(Refusal(break_glass, decision))
    return Decision(Action.CLOSE if observation.break_glass_open(now) else Action.NOTHING, refused=tuple(refused))


def _decide_one(
    asked: TwoFactorBreakGlass, observation: Observation, now: datetime, longest: timedelta, *, require_approval: bool
) -> Decision | Finding:
    expires, until = asked.spec.expires_at, observation.break_glass_until
    is_open = observation.break_glass_open(now)
    if observation.break_glass_used == asked.spec.reason:
        if is_open and until is not None and expires < until:
            return Decision(Action.OPEN, until=expires)
        ending = expires - now <= CLOCK_TOLERANCE  # Jenkins may have ended it already, by its own clock
        return Decision(Action.NOTHING) if is_open or ending else reason_was_used(asked)
    if require_approval and not is_approved(asked.meta, break_glass_approval(asked)):
        return _unapproved(asked)
    return _within_limit(asked, observation, now, longest)


def _within_limit(asked: TwoFactorBreakGlass, observation: Observation, now: datetime, longest: timedelta) -> Decision | Finding:
    left, expires = longest - time_open(observation, now, now), asked.spec.expires_at
    if left >= min(SHORTEST, longest, expires - now):
        return Decision(Action.OPEN, until=min(expires, now + left))
    message = (
        f"{asked.meta.name} ({asked.spec.reason}) is not opened: the operator allows {format_duration(longest)} of break-glass within 24 "
        f"hours (--longest-break-glass), and they are used up. It is possible again at "
        f"{format_time(possible_again_at(observation, now, longest))}; until then an administrator of Jenkins gets people in with "
        "`jenkins2fa unlock`"
    )
    return Finding(Reason.BREAK_GLASS_REFUSED, message)


def reason_was_used(asked: TwoFactorBreakGlass) -> Finding:
    """The refusal of a used reason. Without it, a break-glass that stays in Git would open again and again."""
    message = (
        f"{asked.meta.name} is not opened: its reason {asked.spec.reason} has been used, and the break-glass that it opened is over. One "
        "reason opens one break-glass: delete this one, and create another with a new reason"
    )
    return Finding(Reason.BREAK_GLASS_REFUSED, message)


def time_open(observation: Observation, now: datetime, at: datetime) -> timedelta:
    """For how long one was open in the 24 hours before ``at``, up to ``now``. One that is open counts as ended now."""
    spans = ((max(begun, at - WINDOW), min(ended, now)) for begun, ended in observation.break_glass_times)
    return sum((max(ended - begun, timedelta(0)) for begun, ended in spans), timedelta(0))


def possible_again_at(observation: Observation, now: datetime, longest: timedelta) -> datetime:
    """When the limit allows another one, if one that is open now stays open until its end."""
    spare = min(SHORTEST, longest)
    for begun, ended in sorted(observation.break_glass_times):
        moment = max(now, ended + WINDOW)
        left = longest - time_open(observation, moment, moment)
        if left >= spare:
            return max(now, moment - (left - spare), begun + WINDOW)
    return now


def _unapproved(asked: TwoFactorBreakGlass) -> Finding:
    named = f"{PLURAL} {asked.meta.name} -n {asked.meta.namespace}"
    return Finding(
        Reason.APPROVAL_REQUIRED,
        f"{asked.meta.name} ({asked.spec.reason}) switches the protection off and waits for somebody who may approve it: "
        f"{how_to_approve(break_glass_approval(asked), named)}",
    )


@dataclass(frozen=True, slots=True)
class BreakGlassMember:
    """One selected instance. ``until``: when the break-glass that is open there ends. ``refused``: reason and message, if the instance
    refuses this one. ``ready``: the condition of the instance."""

    key: Key
    until: datetime | None = None
    refused: tuple[str, str] | None = None
    ready: Condition | None = None


def aggregate_break_glass(
    break_glass: TwoFactorBreakGlass, members: Sequence[BreakGlassMember], history: BreakGlassHistory, now: datetime
) -> BreakGlassStatus:
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
        ready = _ended(expires, now, BreakGlassHistory(opened_at, closed_at, opened))
    else:
        ready = _ready(members, is_open, refused)
    return BreakGlassStatus(
        observed_generation=break_glass.meta.generation,
        conditions=(ready, _reconciling(ready), _stalled(ready), _open(ready, is_open)),
        counts=BreakGlassCounts(selected=len(members), open=len(is_open), refused=len(refused), opened=opened),
        opened_at=opened_at,
        closed_at=closed_at,
    )


def _ended(expires: datetime, now: datetime, history: BreakGlassHistory) -> Condition:
    reason = Reason.EXPIRED if expires <= now else Reason.CLOSED
    if history.opened_at is None or history.closed_at is None:
        return Condition(READY, TRUE, reason, f"expired at {format_time(expires)}; it was never open")
    instances = "1 instance" if history.opened == 1 else f"{history.opened} instances"
    text = f"was open on {instances} from {format_time(history.opened_at)} to {format_time(history.closed_at)}"
    if reason == Reason.CLOSED:
        text += "; it ended before it expires and does not open again: create another one with a new reason if it is still needed"
    return Condition(READY, TRUE, reason, text)


def _ready(members: Sequence[BreakGlassMember], is_open: Sequence[BreakGlassMember], refused: Sequence[BreakGlassMember]) -> Condition:
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


def _open(ready: Condition, is_open: Sequence[BreakGlassMember]) -> Condition:
    if is_open:
        return Condition(OPEN, TRUE, Reason.OPEN, f"two-factor authentication is off on {len(is_open)} of the selected instances")
    return Condition(OPEN, FALSE, ready.reason, "this break-glass keeps two-factor authentication off nowhere")
