"""Whether this process still works: what /healthz and /readyz say. An API server or a Jenkins that is away is no reason to be restarted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jenkins2fa.controller.queue import Depth

WATCH_SECONDS = 120.0  # the watches' event loop turns every second; between two lives of it up to 30 s go by
QUEUE_SECONDS = 300.0  # the slowest single pass is well below


@dataclass(frozen=True, slots=True)
class Signs:
    """Seconds since the watches' loop turned and since a reconcile began or ended; ``threads``: names of those that have died."""

    watches: float
    passes: float
    depth: Depth
    leading: bool
    synced: bool
    threads: tuple[str, ...] = ()


Look = Callable[[], Signs]


def problems(signs: Signs) -> list[str]:
    """Why the process should be restarted; empty = it is well."""
    found = [f"the thread {name} has ended" for name in signs.threads]
    if signs.watches > WATCH_SECONDS:
        found.append(f"the watches have stood still for {signs.watches:.0f} s")
    if signs.leading and signs.depth.due and signs.passes > QUEUE_SECONDS and signs.depth.oldest > QUEUE_SECONDS:
        found.append(f"no pass has begun or ended for {signs.passes:.0f} s, though {signs.depth.due} are due")
    return found


def readiness(signs: Signs) -> tuple[bool, str]:
    """Whether everything has been listed, and what this replica does."""
    if not signs.synced:
        return False, "nothing has been listed yet"
    return True, "leads" if signs.leading else "waits for the Lease"
