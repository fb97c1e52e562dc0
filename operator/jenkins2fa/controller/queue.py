"""The work queue: which object is reconciled next, and when again.

Level-triggered: a key names an object, never what has changed. A key is in the queue at most once, and at most one reconcile of it is in
flight; if it is added during that reconcile, another one follows. Time and randomness are arguments.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from jenkins2fa.api.meta import Key

Lane = str | None


class Kind(StrEnum):
    """What a key names."""

    INSTANCE = "instance"
    POLICY = "policy"
    BREAK_GLASS = "break-glass"


class Urgency(IntEnum):
    """The order of keys that are due: first a change of an object, then possible drift, then routine checks on the clock."""

    CHANGE = 0
    DRIFT = 1
    CLOCK = 2


@dataclass(frozen=True, slots=True)
class WorkKey:
    kind: Kind
    key: Key

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True)
class Work:
    """One reconcile. ``waited``: seconds since the key was due; ``failures``: consecutive reconciles that asked for a back-off."""

    key: WorkKey
    urgency: Urgency
    waited: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Requeue:
    """When a key is reconciled again. ``after``: seconds, None = only when something asks for it.

    ``back_off``: wait for the queue's exponential back-off (at most ``cap`` seconds, if given), but at least for ``after``.
    ``host_failed``: the host did not answer, or answered that it is starting, which may take as long as no answer."""

    after: float | None = None
    urgency: Urgency = Urgency.CLOCK
    back_off: bool = False
    cap: float | None = None
    host_failed: bool = False


NEVER = Requeue()


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of concurrency, and the back-off.

    ``workers``: the most reconciles in flight. A host that failed ``breaker`` times in a row is suspect; all suspect hosts together get at
    most ``suspects`` workers, so that dead hosts leave workers for the others. Back-off in seconds: ``base`` doubles up to ``cap``,
    ± ``jitter`` (a fraction).

    A namespace begins a reconcile only while it holds fewer than ``greed`` times as many workers as are free; the same rule applies to the
    workers of suspect hosts. So a namespace alone gets at most three quarters of them, several share them evenly, and one is always left
    for a namespace that has none."""

    workers: int = 64
    breaker: int = 2
    base: float = 1.0
    cap: float = 300.0
    jitter: float = 0.2
    greed: int = 3

    @property
    def suspects(self) -> int:
        return max(1, self.workers // 4)


@dataclass(frozen=True, slots=True)
class Depth:
    """``due``: keys that could run now; ``delayed``: keys that are not due yet; ``oldest``: the longest wait of a due key, in seconds."""

    due: int
    delayed: int
    running: int
    oldest: float


@dataclass(frozen=True, slots=True)
class _Entry:
    due: float
    urgency: Urgency


class WorkQueue:
    """Thread-safe. ``lane``: what a reconcile of a key keeps busy (a host); a lane runs one reconcile at a time, None = no such limit."""

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        lane: Callable[[WorkKey], Lane] = lambda _: None,
        limits: Limits | None = None,
    ) -> None:
        self._clock, self._random, self._lane, self._limits = clock, random, lane, limits or Limits()
        self._changed = threading.Condition()
        self._entries: dict[WorkKey, _Entry] = {}  # what waits; the heaps may contain outdated copies
        self._later: list[tuple[float, int, WorkKey]] = []
        self._ready: dict[str, list[tuple[Urgency, float, int, WorkKey]]] = {}  # by namespace
        self._parked: dict[str, list[WorkKey]] = {}  # due, but their lane is busy
        self._parked_suspects: list[WorkKey] = []
        self._running: dict[WorkKey, Lane] = {}
        self._again: dict[WorkKey, _Entry] = {}  # added while their reconcile was in flight
        self._failures: dict[WorkKey, int] = {}
        self._host_failures: dict[str, int] = {}
        self._numbers = itertools.count()
        self._paused = False
        self._stopped = False

    # --- putting in ---

    def add(self, key: WorkKey, urgency: Urgency = Urgency.CLOCK, after: float = 0.0) -> None:
        """Ask for a reconcile in ``after`` seconds. Two requests for one key merge: the earlier time and the higher urgency count."""
        with self._changed:
            entry = _Entry(self._clock() + after, urgency)
            if urgency is Urgency.CHANGE:
                self._failures.pop(key, None)  # the object that failed has changed
            if key in self._running:
                self._again[key] = _earlier(entry, self._again.get(key))
            else:
                self._put(key, entry)
            self._changed.notify_all()

    def _put(self, key: WorkKey, entry: _Entry) -> None:
        known = self._entries.get(key)
        entry = _earlier(entry, known)
        if entry == known:
            return
        self._entries[key] = entry
        if entry.due <= self._clock():
            self._push_ready(key, entry)
        else:
            heapq.heappush(self._later, (entry.due, next(self._numbers), key))

    def _push_ready(self, key: WorkKey, entry: _Entry) -> None:
        heapq.heappush(self._ready.setdefault(key.key.namespace, []), (entry.urgency, entry.due, next(self._numbers), key))

    # --- taking out ---

    def take(self, *, block: bool = True) -> Work | None:
        """The next reconcile. Blocks until there is one; None when the queue was stopped or, without ``block``, when nothing is due."""
        with self._changed:
            while not self._stopped:
                work = self._next()
                if work is not None:
                    return work
                if not block:
                    return None
                self._changed.wait(self._pause())
            return None

    def _next(self) -> Work | None:
        self._promote()
        while not self._paused and (namespace := self._next_namespace()) is not None:
            urgency, due, _, key = heapq.heappop(self._ready[namespace])
            if self._entries.get(key) != _Entry(due, urgency):
                continue  # an outdated copy
            lane = self._lane(key)
            if self._is_held_back(key, lane):
                continue
            del self._entries[key]
            self._running[key] = lane
            return Work(key, urgency, max(0.0, self._clock() - due), self._failures.get(key, 0))
        return None

    def _next_namespace(self) -> str | None:
        """The namespace whose turn it is: of those that may begin a reconcile, the one with the most urgent key that waited longest."""
        self._ready = {namespace: keys for namespace, keys in self._ready.items() if keys}
        held, free = Counter(key.key.namespace for key in self._running), self._limits.workers - len(self._running)
        may_begin = (namespace for namespace in self._ready if held[namespace] < self._limits.greed * free)
        return min(may_begin, key=lambda namespace: self._ready[namespace][0], default=None)

    def _promote(self) -> None:
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            entry = self._entries.get(key)
            if entry is not None and entry.due == due:
                self._push_ready(key, entry)

    def _is_held_back(self, key: WorkKey, lane: Lane) -> bool:
        if lane is None:
            return False
        if lane in self._running.values():
            self._parked.setdefault(lane, []).append(key)
            return True
        if self._is_suspect(lane) and not self._may_take_a_suspect(key.key.namespace):
            self._parked_suspects.append(key)
            return True
        return False

    def _may_take_a_suspect(self, namespace: str) -> bool:
        holders = [key.key.namespace for key, lane in self._running.items() if self._is_suspect(lane)]
        return holders.count(namespace) < self._limits.greed * (self._limits.suspects - len(holders))

    def _is_suspect(self, lane: Lane) -> bool:
        return lane is not None and self._host_failures.get(lane, 0) >= self._limits.breaker

    def _pause(self) -> float | None:
        if self._paused or not self._later:
            return None
        return max(0.0, self._later[0][0] - self._clock())

    # --- after a reconcile ---

    def done(self, work: Work, requeue: Requeue = NEVER) -> None:
        """Record the end of a reconcile, and when its key is due again."""
        with self._changed:
            lane = self._running.pop(work.key)
            self._note_host(lane, requeue.host_failed)
            entry = self._again.pop(work.key, None)
            delay = self._delay(work.key, requeue)
            if delay is not None:
                entry = _earlier(_Entry(self._clock() + delay, requeue.urgency), entry)
            if entry is not None:
                self._put(work.key, entry)
            self._unpark(lane)
            self._changed.notify_all()

    def _delay(self, key: WorkKey, requeue: Requeue) -> float | None:
        if not requeue.back_off:
            self._failures.pop(key, None)
            return requeue.after
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        doubled = self._limits.base * math.pow(2.0, min(failures - 1, 30))
        least, draw = requeue.after or 0.0, self._random()
        backed_off = min(requeue.cap or self._limits.cap, doubled) * (1.0 + self._limits.jitter * (2.0 * draw - 1.0))
        return max(backed_off, least * (1.0 + self._limits.jitter * draw))  # not all at the same moment

    def _note_host(self, lane: Lane, failed: bool) -> None:
        if lane is None:
            return
        if failed:
            self._host_failures[lane] = self._host_failures.get(lane, 0) + 1
        else:
            self._host_failures.pop(lane, None)

    def _unpark(self, lane: Lane) -> None:
        waiting, self._parked_suspects = self._parked_suspects, []
        if lane is not None:
            waiting += self._parked.pop(lane, [])
        for key in waiting:
            entry = self._entries.get(key)
            if entry is not None:
                self._push_ready(key, entry)

    # --- life ---

    def pause(self) -> None:
        """Hand out nothing until :meth:`resume`, while we do not hold the Lease. Reconciles in flight continue."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing any more, and end every call of :meth:`take` that waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until no reconcile is in flight. Returns whether none is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def depth(self) -> Depth:
        """How full the queue is, for metrics."""
        with self._changed:
            now = self._clock()
            due = [entry.due for entry in self._entries.values() if entry.due <= now]
            return Depth(len(due), len(self._entries) - len(due), len(self._running), now - min(due, default=now))


def _earlier(entry: _Entry, other: _Entry | None) -> _Entry:
    return entry if other is None else _Entry(min(entry.due, other.due), min(entry.urgency, other.urgency))
