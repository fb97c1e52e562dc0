"""Flapping: somebody keeps changing what we keep correcting. After three times within an hour it needs attention."""

from __future__ import annotations

from datetime import datetime, timedelta

from jenkins2fa.core.observation import Observation

MOST_CORRECTIONS = 3
WITHIN = timedelta(hours=1)


def flapping_fields(observation: Observation, now: datetime) -> tuple[str, ...]:
    """Fields whose drift was corrected three times within the last hour. Jenkins keeps the count; another policy starts it anew."""
    return tuple(sorted(path for path, times in observation.corrections.items() if _recent(times, now) >= MOST_CORRECTIONS))


def _recent(times: tuple[datetime, ...], now: datetime) -> int:
    return sum(now - time <= WITHIN for time in times)
