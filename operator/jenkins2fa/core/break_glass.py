"""Break-glass: two-factor authentication off for a short, named time. Jenkins keeps it and ends it by itself; this decides what to ask
of Jenkins.

Not only one break-glass is bounded, but the sum of them: whoever chains reasons would else be without two-factor authentication for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.break_glass import PLURAL, TwoFactorBreakGlass
from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.meta import Metadata
from jenkins2fa.core.approval import approved
from jenkins2fa.core.guard.finding import APPROVAL_REQUIRED, Finding, approve_by
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.settings import canonical

LONGEST = timedelta(hours=4)  # the operator's usual maximum
WINDOW = timedelta(hours=24)  # in which all that were open together may not exceed it
REFUSED = Reason.BREAK_GLASS_REFUSED
CLOCKS = timedelta(seconds=5)
LEAST = timedelta(minutes=10)  # a shorter rest of the maximum is no help: then it is refused, and not spent


class Action(StrEnum):
    """What is to be done at one Jenkins controller."""

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
    """``break_glass``: the one that is open or to be opened. ``until``: when what is opened is to end, perhaps before it expires."""

    action: Action
    break_glass: TwoFactorBreakGlass | None = None
    until: datetime | None = None
    refused: tuple[Refusal, ...] = ()


def active(break_glasses: Iterable[TwoFactorBreakGlass], instance: Metadata, now: datetime) -> tuple[TwoFactorBreakGlass, ...]:
    """Those that ask for an instance to be open now; the one that counts comes first: it expires last."""
    found = [one for one in break_glasses if one.selects(instance) and not one.meta.deleting and one.spec.expires_at > now]
    return tuple(sorted(found, key=lambda one: (-one.spec.expires_at.timestamp(), one.meta.created, one.meta.name)))


def decide(
    asked: Sequence[TwoFactorBreakGlass],
    observation: Observation,
    now: datetime,
    longest: timedelta = LONGEST,
    *,
    require_approval: bool = False,
) -> Decision:
    """What to do, and which ones are refused. ``asked``: the active ones in order; the first that is not refused counts.

    OPEN also for an earlier end: Jenkins takes the earlier of it and the reason's first use + ``longest``, the operator's maximum. A reason
    whose break-glass is over does not open another."""
    refused: list[Refusal] = []
    for break_glass in asked:
        decision = _decide_one(break_glass, observation, now, longest, require_approval=require_approval)
        if isinstance(decision, Decision):
            return Decision(decision.action, break_glass, decision.until, tuple(refused))
        refused.append(Refusal(break_glass, decision))
    return Decision(Action.CLOSE if _is_open(observation, now) else Action.NOTHING, refused=tuple(refused))


def approval_of(break_glass: TwoFactorBreakGlass) -> str:
    """What the annotation has to name so that this very object may be opened. Its UID is part of it, so it cannot be known before."""
    meta, spec = break_glass.meta, break_glass.spec
    document = [meta.namespace, meta.name, meta.uid, format_time(spec.expires_at), spec.reason]
    return f"break-glass-{hashlib.sha256(canonical(document).encode()).hexdigest()[:12]}"


def _decide_one(
    asked: TwoFactorBreakGlass, observation: Observation, now: datetime, longest: timedelta, *, require_approval: bool
) -> Decision | Finding:
    expires, until = asked.spec.expires_at, observation.break_glass_until
    is_open = _is_open(observation, now)
    if observation.break_glass_used == asked.spec.reason:
        if is_open and until is not None and expires < until:
            return Decision(Action.OPEN, until=expires)
        ending = expires - now <= CLOCKS  # Jenkins may have ended it by its own clock already
        return Decision(Action.NOTHING) if is_open or ending else spent(asked)
    if require_approval and not approved(asked.meta, approval_of(asked)):
        return _unapproved(asked)
    return _within_the_sum(asked, observation, now, longest)


def _is_open(observation: Observation, now: datetime) -> bool:
    return observation.break_glass_until is not None and observation.break_glass_until > now


def _within_the_sum(asked: TwoFactorBreakGlass, observation: Observation, now: datetime, longest: timedelta) -> Decision | Finding:
    left, expires = longest - time_open(observation, now, now), asked.spec.expires_at
    if left >= min(LEAST, longest, expires - now):
        return Decision(Action.OPEN, until=min(expires, now + left))
    message = (
        f"{asked.meta.name} ({asked.spec.reason}) is not opened: the operator allows {format_duration(longest)} of break-glass within 24 "
        f"hours (--longest-break-glass), and they are used up. It is possible again at "
        f"{format_time(possible_at(observation, now, longest))}; until then an administrator of Jenkins gets people in with "
        "`jenkins2fa unlock`"
    )
    return Finding(REFUSED, message)


def spent(asked: TwoFactorBreakGlass) -> Finding:
    """One reason opens one break-glass: whoever keeps an old one in Git would else open it again and again."""
    message = (
        f"{asked.meta.name} is not opened: its reason {asked.spec.reason} has been used, and the break-glass that it opened is over. One "
        "reason opens one break-glass: delete this one, and create another with a new reason"
    )
    return Finding(REFUSED, message)


def time_open(observation: Observation, now: datetime, at: datetime) -> timedelta:
    """For how long, of the 24 hours before ``at``, one was open until ``now``. What is open now counts as ended now."""
    spans = ((max(begun, at - WINDOW), min(ended, now)) for begun, ended in observation.break_glass_times)
    return sum((max(ended - begun, timedelta(0)) for begun, ended in spans), timedelta(0))


def possible_at(observation: Observation, now: datetime, longest: timedelta) -> datetime:
    """When enough of the last ones is over a day old for another, if one that is open now stays so until its end."""
    spare = min(LEAST, longest)
    for begun, ended in sorted(observation.break_glass_times):
        moment = max(now, ended + WINDOW)
        left = longest - time_open(observation, moment, moment)
        if left >= spare:
            return max(now, moment - (left - spare), begun + WINDOW)
    return now


def _unapproved(asked: TwoFactorBreakGlass) -> Finding:
    named = f"{PLURAL} {asked.meta.name} -n {asked.meta.namespace}"
    return Finding(
        APPROVAL_REQUIRED,
        f"{asked.meta.name} ({asked.spec.reason}) switches the protection off and waits for somebody who may approve it: "
        f"{approve_by(approval_of(asked), named)}",
    )
