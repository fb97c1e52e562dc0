"""What was found of one way, and the few numbers that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.compared.drifts import Drift
from bench.compared.measure import Change, Door, Restart, Trouble
from bench.compared.ways import EVERY

NO, NO_START = "no", "does not start"
HELPLESS = (NO, NO_START)


@dataclass(slots=True)
class Found:
    """Of one way. ``usual``: seconds between two looks outside of the bench, None = it does not look by the clock. ``waits``: a change
    is only seen at such a look."""

    name: str
    usual: float | None
    waits: bool
    changes: list[Change] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    restart: Restart | None = None
    doors: list[Door] = field(default_factory=list)
    sent: tuple[int, int] | None = None  # scripts sent from outside, and how many of them were challenged

    def of(self, on: bool) -> list[Change]:
        return [one for one in self.changes if one.on is on]

    def seconds(self, on: bool) -> list[float]:
        """Until it was so, restarts included but not the waiting for them; only what came about."""
        return [(one.acted or 0.0 if one.steps else 0.0) + one.seconds for one in self.of(on) if one.seconds is not None]

    def by_itself(self, on: bool) -> bool:
        return bool(self.of(on)) and all(one.steps == () for one in self.of(on))

    def usually(self, seconds: float, *, share: float = 1.0) -> float:
        """The same at the usual interval: ``share`` of what that is longer comes on top, all of it at most. Computed, not run."""
        jitter = 1.0 if self.waits else 1.1  # the operator's intervals vary by a tenth
        return seconds + share * ((self.usual or EVERY) - EVERY) * jitter

    def repaired(self) -> list[float]:
        return [one.repaired for one in self.troubles if one.repaired is not None]


def middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def of_drift(one: Found, drift: Drift) -> Trouble | None:
    return next((trouble for trouble in one.troubles if trouble.drift is drift), None)


def in_words(trouble: Trouble) -> str:
    """How all came to be well, in a few words."""
    if trouble.down:
        return NO_START
    if trouble.repaired is not None:
        return f"{trouble.repaired:.1f} s"
    steps = next((steps for steps in trouble.ends.values() if steps is not None), None)
    if steps is None:
        return NO
    return f"{len(steps)} restarts" if len(steps) > 1 and set(steps) == {"restart"} else " + ".join(steps)
