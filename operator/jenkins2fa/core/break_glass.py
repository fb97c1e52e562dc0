"""Break-glass: 2FA off for a short, named time. Jenkins keeps it and ends it by itself; here is decided what to ask of Jenkins.

Not only one break-glass is bounded, but the sum of them: whoever chains reasons would else be without 2FA for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.policy import BreakGlass, PolicySpec
from jenkins2fa.core.guard.finding import APPROVAL_REQUIRED, Finding, approve_by
from jenkins2fa.core.observation import Observation

LONGEST = timedelta(hours=4)  # the operator's usual maximum
WINDOW = timedelta(hours=24)  # in which all that were open together may not exceed it
REFUSED = "BreakGlassRefused"
CLOCKS = timedelta(seconds=5)
LEAST = timedelta(minutes=10)  # a shorter rest of the maximum is no help: then it is refused, and not spent


class Glass(StrEnum):
    """What is to be done about it."""

    NOTHING = "Nothing"
    OPEN = "Open"
    CLOSE = "Close"


@dataclass(frozen=True, slots=True)
class Decision:
    """``until``: when what is opened is to end, perhaps earlier than asked for. ``refused``: why what is asked for is not opened."""

    glass: Glass
    until: datetime | None = None
    refused: Finding | None = None


NOTHING = Decision(Glass.NOTHING)


def glass_to_be(
    policy: PolicySpec | None, observation: Observation, now: datetime, longest: timedelta = LONGEST, approval: str | None = None
) -> Decision:
    """OPEN also for an earlier end: Jenkins takes the earlier of it and the reason's first use + ``longest``, the operator's maximum.

    A reason whose break-glass is over does not open another. ``approval``: the digest that has to be approved of first; None = nothing
    has."""
    wanted = policy.break_glass if policy else None
    is_open = observation.break_glass_until is not None and observation.break_glass_until > now
    if wanted is None or wanted.until <= now:
        return Decision(Glass.CLOSE) if is_open else NOTHING
    if observation.break_glass_used == wanted.reason:
        shortened = is_open and observation.break_glass_until is not None and wanted.until < observation.break_glass_until
        if shortened:
            return Decision(Glass.OPEN, wanted.until)
        ending = wanted.until - now <= CLOCKS  # Jenkins may have ended it by its own clock already
        return NOTHING if is_open or ending else Decision(Glass.NOTHING, refused=spent(wanted))
    if approval is not None:
        return Decision(Glass.NOTHING, refused=_unapproved(wanted, approval))
    return _within_the_sum(wanted, observation, now, longest)


def _within_the_sum(wanted: BreakGlass, observation: Observation, now: datetime, longest: timedelta) -> Decision:
    left = longest - time_open(observation, now, now)
    if left >= min(LEAST, longest, wanted.until - now):
        return Decision(Glass.OPEN, min(wanted.until, now + left))
    message = (
        f"break-glass {wanted.reason} is not opened: the operator allows {format_duration(longest)} of break-glass within 24 hours "
        f"(--longest-break-glass), and they are used up. It is possible again at {format_time(possible_at(observation, now, longest))}; "
        "until then an administrator of Jenkins gets people in with `jenkins2fa unlock`"
    )
    return Decision(Glass.NOTHING, refused=Finding(REFUSED, message, path="breakGlass"))


def spent(wanted: BreakGlass) -> Finding:
    """One reason opens one break-glass: whoever keeps an old one in Git would else open it again and again."""
    message = (
        f"break-glass {wanted.reason} is not opened: its reason has been used, and the break-glass that it opened is over. One reason "
        "opens one break-glass: set breakGlass with a new reason, or take it out"
    )
    return Finding(REFUSED, message, path="breakGlass")


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


def _unapproved(wanted: BreakGlass, approval: str) -> Finding:
    message = f"break-glass {wanted.reason} switches the protection off and waits for somebody who may approve it: {approve_by(approval)}"
    return Finding(APPROVAL_REQUIRED, message, path="breakGlass")
