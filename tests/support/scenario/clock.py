"""Time that passes only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Clock:
    """``start``: the initial time of day; the real one, because TLS, Events and evidence use it."""

    start: datetime
    passed: float = 0.0

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return 1000.0 + self.passed

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self.start + timedelta(seconds=self.passed)

    def epoch(self) -> int:
        """The time of day in milliseconds, as Jenkins counts it."""
        return int(self.now().timestamp() * 1000)

    def moment(self, **ahead: float) -> str:
        """The time this long after now, as in manifests."""
        return (self.now() + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def started() -> Clock:
        return Clock(datetime.now(UTC).replace(microsecond=0))
