"""Time that passes only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Clock:
    """``start``: the time of day at the beginning; the real one, since TLS, Events and evidence keep to that."""

    start: datetime
    passed: float = 0.0

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return 1000.0 + self.passed

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self.start + timedelta(seconds=self.passed)

    def epoch(self) -> int:
        """The time of day in milliseconds, as Jenkins counts it."""
        return int(self.now().timestamp() * 1000)

    def moment(self, **ahead: float) -> str:
        """A time of day as manifests write it, so long after now."""
        return (self.now() + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def started() -> Clock:
        return Clock(datetime.now(UTC).replace(microsecond=0))
