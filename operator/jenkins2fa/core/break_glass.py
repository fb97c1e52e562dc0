"""Break-glass: 2FA off for a short, named time. Jenkins keeps it and ends it by itself; here is decided what to ask of Jenkins."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from jenkins2fa.api.policy import PolicySpec
from jenkins2fa.core.observation import Observation


class Glass(StrEnum):
    """What is to be done about it."""

    NOTHING = "Nothing"
    OPEN = "Open"
    CLOSE = "Close"


def glass_to_be(policy: PolicySpec | None, observation: Observation, now: datetime) -> Glass:
    """OPEN also for a changed time: Jenkins takes the earlier of it and the reason's first use + the operator's maximum.

    A reason that was used and is over does not start anew."""
    wanted = policy.break_glass if policy else None
    is_open = observation.break_glass_until is not None and observation.break_glass_until > now
    if wanted is None or wanted.until <= now:
        return Glass.CLOSE if is_open else Glass.NOTHING
    if is_open and observation.break_glass_used == wanted.reason:
        shortened = observation.break_glass_until is not None and wanted.until < observation.break_glass_until
        return Glass.OPEN if shortened else Glass.NOTHING
    if observation.break_glass_used == wanted.reason:
        return Glass.NOTHING
    return Glass.OPEN
