"""How often an object that aggregates the statuses of instances is reconciled, however many of them report."""

from __future__ import annotations

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.queue import Urgency

SHORTEST_GAP = 1.0  # seconds between two reconciles of one object


class Pace:
    """When instances may ask for the next reconcile of an object. The first report after a person's change is not delayed."""

    def __init__(self) -> None:
        self._last: dict[Key, float] = {}

    def began(self, key: Key, urgency: Urgency, now: float) -> None:
        if urgency is not Urgency.CHANGE:
            self._last[key] = now

    def wait(self, key: Key, now: float) -> float:
        """Seconds until the next reconcile may begin."""
        return max(0.0, self._last.get(key, -SHORTEST_GAP) + SHORTEST_GAP - now)

    def forget(self, key: Key) -> None:
        self._last.pop(key, None)
