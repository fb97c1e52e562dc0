"""Checks every invariant continuously in a separate thread, and samples the operator's memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.support.soak.invariants import (
    DiskHoldsWhatWasConfirmed,
    InForceMeansInForce,
    LogsAreClean,
    Moment,
    NobodyStaysIn,
    OperatorGetsIn,
    PeopleGetIn,
)
from tests.support.soak.world import World

LOOK_SECONDS = 0.7
DISK_SECONDS = 0.03  # a trial is open for half a second
PAGE_BYTES = 4096


class Invariant(Protocol):
    def check(self, world: World, moment: Moment) -> Iterator[str]:
        """The promises that are broken now."""


@dataclass(frozen=True, slots=True)
class Broken:
    """``at``: seconds since the begin of the watch."""

    at: float
    invariant: str
    what: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory of one operator process in bytes."""

    at: float
    pid: int
    bytes: int


class Watch:
    """A context manager. ``moment``: what the soak is doing. ``tell``: called for every broken promise at once."""

    def __init__(self, world: World, moment: Callable[[], Moment], tell: Callable[[Broken], None]) -> None:
        self.world, self._moment, self._tell = world, moment, tell
        self.in_force, self.disk = InForceMeansInForce(), DiskHoldsWhatWasConfirmed()
        self._often: tuple[Invariant, ...] = (self.in_force, NobodyStaysIn(), LogsAreClean())
        self._seldom: tuple[Invariant, ...] = (PeopleGetIn(), OperatorGetsIn())
        self.samples: list[Sample] = []
        self.checks: dict[str, int] = {}
        self.trouble: Exception | None = None
        self.begun = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(work,), daemon=True) for work in (self._run, self._run_disk)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def all_at_once(self) -> None:
        """Every invariant, now."""
        with self._lock:
            for one in (self.disk, *self._often, *self._seldom):
                self._look(one)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as problem:  # a watch that has failed must not look like one without findings
            self.trouble = problem
            raise

    def _run_disk(self) -> None:
        while not self._stop.wait(DISK_SECONDS):
            self._look(self.disk)

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(LOOK_SECONDS):
            turn += 1
            with self._lock:
                for one in self._often:
                    self._look(one)
                if turn % 2 == 0:
                    self._look(self._seldom[turn // 2 % len(self._seldom)])
            self._sample()

    def _look(self, one: Invariant) -> None:
        name = type(one).__name__
        self.checks[name] = self.checks.get(name, 0) + 1
        moment = self._moment()
        for what in one.check(self.world, moment):
            self._tell(Broken(round(time.monotonic() - self.begun, 1), name, what))

    def _sample(self) -> None:
        pid = self.world.operator_pid()
        if pid is None or (self.samples and time.monotonic() - self.begun - self.samples[-1].at < 5):
            return
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            return
        self.samples.append(Sample(round(time.monotonic() - self.begun, 1), pid, pages * PAGE_BYTES))
