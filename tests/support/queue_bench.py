"""A work queue under a clock that only the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.queue import NEVER, Kind, Limits, Requeue, Urgency, Work, WorkKey, WorkQueue


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class QueueBench:
    """A queue whose keys `host-name` keep the lane `host` busy; keys without a dash keep none."""

    limits: Limits = field(default_factory=lambda: Limits(workers=8, jitter=0.0))
    clock: Clock = field(default_factory=Clock)
    draw: float = 0.5

    def __post_init__(self) -> None:
        self.queue = WorkQueue(self.clock, lambda: self.draw, lane_of, self.limits)

    def add(self, name: str, urgency: Urgency = Urgency.CLOCK, after: float = 0.0) -> None:
        self.queue.add(key(name), urgency, after)

    def take(self) -> Work | None:
        return self.queue.take(block=False)

    def names(self) -> list[str]:
        """Names of everything that can be taken now, in order; all of it stays in flight."""
        found = []
        while (work := self.take()) is not None:
            found.append(work.key.key.name)
        return found

    def run(self, requeue: Requeue = NEVER) -> str | None:
        work = self.take()
        if work is None:
            return None
        self.queue.done(work, requeue)
        return work.key.key.name


def key(name: str) -> WorkKey:
    return WorkKey(Kind.INSTANCE, Key("team", name))


def lane_of(work_key: WorkKey) -> str | None:
    host, dash, _ = work_key.key.name.partition("-")
    return host if dash else None
