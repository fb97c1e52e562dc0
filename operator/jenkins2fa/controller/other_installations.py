"""Other installations of the operator that serve the same objects: who was first goes on, the other leaves them alone.

Every status names the installation that wrote it, by the namespace of its Lease. Whether that one lives is read from the Lease. Where it
may not be read (an installation with rights in its own namespaces only), it counts as gone until it writes over what we wrote: then it
lives, and we are the ones to stop. So two never take turns, whatever their rights.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Forbidden, Kubernetes, NotFound
from jenkins2fa.kube.lease import GONE_AFTER, NAME, OPERATOR

logger = logging.getLogger(__name__)

KNOWN_FOR = 5.0  # seconds that what a Lease said is believed

TOLD = {
    True: "another operator (its Lease is in namespace %s) serves objects here; this one leaves them alone: stop one of the two, or give "
    "them different namespaces",
    False: "another operator (its Lease was in namespace %s) has served objects here, and is gone: this one goes on with them",
    None: "another operator (its Lease is in namespace %s, and may not be read) has served objects here: this one goes on with them, and "
    "leaves alone what that one writes to again",
}


@dataclass(frozen=True, slots=True)
class _Look:
    """At a Lease. ``alive`` None = it may not be read; ``at``: seconds of the clock."""

    alive: bool | None
    at: float


@dataclass(slots=True)
class OtherInstallations:
    """Thread-safe. ``own``: the namespace of our Lease; ``duration``: of a Lease; ``clock``: seconds that only grow; ``now``: UTC."""

    kubernetes: Kubernetes
    own: str
    duration: timedelta
    clock: Callable[[], float]
    now: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _alive: dict[str, _Look] = field(default_factory=dict)
    _ours: set[str] = field(default_factory=set)  # UIDs of objects whose status we have written

    def claimed(self, uid: str) -> None:
        """We have written an object's status."""
        with self._lock:
            self._ours.add(uid)

    def serving(self, body: Mapping[str, Any]) -> str | None:
        """The other installation that serves an object; None = we may. Raises KubernetesError."""
        named = (body.get("status") or {}).get(OPERATOR)
        if not named or named == self.own:
            return None
        alive = self._is_alive(named)
        if alive is None:
            with self._lock:
                alive = body["metadata"]["uid"] in self._ours
        return str(named) if alive else None

    def serving_all(self, bodies: Iterable[Mapping[str, Any]]) -> str | None:
        """The installation that serves every one of these objects, where there are any; None = there is something for us to do."""
        found = Counter(self.serving(body) for body in bodies)
        return next(iter(found)) if len(found) == 1 else None

    def _is_alive(self, namespace: str) -> bool | None:
        """None = we may not know."""
        with self._lock:
            held = self._alive.get(namespace)
        if held is not None and self.clock() - held.at < KNOWN_FOR:
            return held.alive
        found = _Look(self._look(namespace), self.clock())
        with self._lock:
            self._alive[namespace] = found
        if held is None or held.alive != found.alive:
            logger.warning(TOLD[found.alive], namespace)
        return found.alive

    def _look(self, namespace: str) -> bool | None:
        try:
            lease = self.kubernetes.lease(Key(namespace, NAME))
        except NotFound:
            return False
        except Forbidden:
            return None
        renewed = (lease.get("spec") or {}).get("renewTime")
        return renewed is not None and self.now() - parse_time(renewed) < GONE_AFTER * self.duration


def explained(other: str, count: int) -> str:
    """Why an operator does not start, and the way out."""
    which = f"all {count} instances" if count > 1 else "the only instance"
    return (
        f"another operator (its Lease {NAME} is in namespace {other}) serves {which} here. Stop that operator, or serve "
        "other namespaces (--namespace). To replace it, remove it first: this one takes over a few minutes later"
    )
