"""Jenkins' clock and ours: what Jenkins notes down is in its time, what a policy says is in ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from jenkins2fa.core.observation import Observation

NONE = timedelta(0)
UNSURE = timedelta(seconds=45)  # a slow answer looks like a slow clock


def ahead_of(theirs: datetime, ours: datetime, held: timedelta = NONE) -> timedelta:
    """How far Jenkins' clock is ahead of ours, in whole minutes. ``held`` stays while it is still about right: times in a status must
    not waver."""
    measured = theirs - ours
    return held if abs(measured - held) < UNSURE else timedelta(minutes=round(measured / timedelta(minutes=1)))


def in_our_time(seen: Observation, ahead: timedelta) -> Observation:
    """An observation as Jenkins tells it, with its times as our clock would have shown them."""
    if not ahead:
        return seen
    until, trial = seen.break_glass_until, seen.trial
    return replace(
        seen,
        clock_ahead=ahead,
        break_glass_until=until and until - ahead,
        break_glass_times=tuple((begun - ahead, ended - ahead) for begun, ended in seen.break_glass_times),
        trial=replace(trial, until=trial.until and trial.until - ahead),
        corrections={path: tuple(time - ahead for time in times) for path, times in seen.corrections.items()},
    )
