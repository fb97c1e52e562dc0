"""What a measurement is, and the few ways to take one. Times are milliseconds."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

Found = TypeVar("Found")
MACHINE = """Run on {date}: {cpus} cores, Python {python}, {system} {machine}; API server, {jenkins}, operator and measurement
share them. The load average of the last 15 minutes was {load:.2f}."""
LOWER_BOUND = """ The stand-in has Jenkins' own Groovy and servlet container, not its
size: times within Jenkins are a lower bound of real ones.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that cannot be avoided, measured bare in the same run. ``times``: how often one of ours needs it."""

    name: str
    samples: Sequence[float]
    times: int = 1

    @property
    def cost(self) -> float:
        return statistics.median(self.samples) * self.times


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing that people wait for. ``aim``: p50 and p99, None = none was set."""

    name: str
    samples: Sequence[float]
    parts: tuple[Part, ...] = ()
    aim: tuple[float | None, float | None] = (None, None)
    note: str = ""

    @property
    def p50(self) -> float:
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        return percentile(self.samples, 0.99)

    @property
    def unavoidable(self) -> float:
        """The sum of the parts; 0 where none was named."""
        return sum(part.cost for part in self.parts)

    @property
    def ratio(self) -> float | None:
        return self.p50 / self.unavoidable if self.parts else None

    @property
    def reached(self) -> bool | None:
        """Whether the aims were reached; None = there are none."""
        pairs = [(value, aim) for value, aim in zip((self.p50, self.p99), self.aim, strict=True) if aim is not None]
        return all(value <= aim for value, aim in pairs) if pairs else None


def percentile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: with fewer than a hundred samples, p99 is the worst of them."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def repeated(work: Callable[[], object], rounds: int, warm_up: int = 3) -> list[float]:
    """Each of ``rounds`` calls, after some that do not count."""
    for _ in range(warm_up):
        work()
    return [milliseconds(work) for _ in range(rounds)]


def step(name: str, work: Callable[[], Found]) -> Found:
    """Some work, told on standard output while it goes on."""
    begun = time.monotonic()
    print(f"{name} ...", end=" ", flush=True)
    found = work()
    print(f"{time.monotonic() - begun:.0f} s", flush=True)
    return found


def machine() -> str:
    """On what it was run with the stand-in, and beside what load."""
    return machine_with("Jenkins stand-in") + LOWER_BOUND


def machine_with(jenkins: str) -> str:
    """The same; ``jenkins``: what took the place of a real one."""
    return MACHINE.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        cpus=os.cpu_count(),
        python=platform.python_version(),
        system=platform.system(),
        machine=platform.machine(),
        jenkins=jenkins,
        load=os.getloadavg()[2],
    )
