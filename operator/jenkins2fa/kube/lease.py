"""Leases: which replica of this installation writes, and which installation serves an object.

Leader election follows the rules of Kubernetes' own components. A Lease has expired when *we* have not seen it change for its duration, so
clocks of different machines are never compared. A holder that cannot renew for ``renew_deadline`` seconds stops writing before the Lease
expires.

Two installations must not serve the same objects: the one that was first goes on, and the other leaves them alone. Every status names the
installation that wrote it, by the namespace of its Lease, and that Lease shows whether it is still running. Where the Lease may not be read
(an installation with rights in its own namespaces only), the other installation counts as gone until it overwrites a status that we wrote.
Then it is running, and we stop. So two installations never take turns, whatever their rights.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Conflict, Forbidden, Kubernetes, KubernetesError, NotFound

logger = logging.getLogger(__name__)

NAME = "jenkins-2fa-operator"
OPERATOR = "operator"  # the field of a status: the namespace of the Lease of the installation that wrote it
GONE_AFTER = 8  # durations of a Lease without a renewal until its holder counts as gone; an upgrade takes less
KNOWN_FOR = 5.0  # seconds that what a Lease said is believed
TOLD = {
    True: "another operator (its Lease is in namespace %s) serves objects here; this one leaves them alone: stop one of the two, or give "
    "them different namespaces",
    False: "another operator (its Lease was in namespace %s) has served objects here, and is gone: this one goes on with them",
    None: "another operator (its Lease is in namespace %s, and may not be read) has served objects here: this one goes on with them, and "
    "leaves alone what that one writes to again",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``duration`` > ``renew_deadline`` > ``retry``: two holders at a time would need clocks that run differently by half."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 4.0

    @staticmethod
    def of(duration: float) -> Timing:
        """The same proportions for another duration."""
        return Timing(duration, duration * 2 / 3, duration * 4 / 15)


class Leadership:
    """``identity`` is this process; ``gained`` and ``lost`` are called from the election's thread, in turns."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        namespace: str,
        identity: str,
        clock: Callable[[], float],
        gained: Callable[[], None],
        lost: Callable[[], None],
        timing: Timing | None = None,
    ) -> None:
        self._kubernetes, self._key, self._identity, self._clock = kubernetes, Key(namespace, NAME), identity, clock
        self._gained, self._lost, self._timing = gained, lost, timing or Timing()
        self._renewed: float | None = None  # when we last wrote it, by our clock
        self._seen: tuple[str, float] = ("", 0.0)  # its last resource version, and since when we see that one
        self._leading = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the election and give the Lease back."""
        self._stop.set()
        self._thread.join(1.0)
        self.release()

    def release(self) -> None:
        """Give the Lease back, if we hold it, so that the next one need not wait for it to expire."""
        if not self.holds():
            return
        self._renewed = None
        try:
            self._write(self._read(), holder="")
        except KubernetesError as error:
            logger.debug("lease: %s", error)

    def holds(self) -> bool:
        """Whether we may write now. True only while the last renewal is recent, whatever the election's thread is busy with."""
        renewed = self._renewed
        return renewed is not None and self._clock() - renewed < self._timing.renew_deadline

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            self._stop.wait(self._timing.retry)

    def step(self) -> None:
        """Renew, or try to acquire; then tell of a change."""
        try:
            self._acquire_or_renew()
        except KubernetesError as error:
            logger.debug("lease: %s", error)
        if self.holds() != self._leading:
            self._leading = not self._leading
            logger.info("this replica leads from now on" if self._leading else "this replica does not lead any more: it writes nothing")
            (self._gained if self._leading else self._lost)()

    def _acquire_or_renew(self) -> None:
        lease = self._read()
        if lease is not None and not self._is_ours(lease) and not self._is_free(lease):
            self._renewed = None
            return
        self._write(lease, holder=self._identity)

    def _read(self) -> dict[str, Any] | None:
        try:
            return self._kubernetes.lease(self._key)
        except NotFound:
            return None

    def _is_ours(self, lease: dict[str, Any]) -> bool:
        return bool((lease.get("spec") or {}).get("holderIdentity") == self._identity)

    def _is_free(self, lease: dict[str, Any]) -> bool:
        version, now = lease["metadata"]["resourceVersion"], self._clock()
        if version != self._seen[0]:
            self._seen = (version, now)
        spec = lease.get("spec") or {}
        return not spec.get("holderIdentity") or now - self._seen[1] > (spec.get("leaseDurationSeconds") or 0)

    def _write(self, lease: dict[str, Any] | None, holder: str) -> None:
        started = self._clock()  # before the request: the others count from when the API server has it
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        known = dict((lease or {}).get("spec") or {})
        changed = known.get("holderIdentity") != holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, round(self._timing.duration)) if holder else 1,
            "renewTime": moment,
            "acquireTime": moment if changed else known.get("acquireTime"),
            "leaseTransitions": (known.get("leaseTransitions") or 0) + (1 if changed and holder and lease else 0),
        }
        metadata = lease["metadata"] if lease else {"name": NAME, "namespace": self._key.namespace}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            if lease is None:
                self._kubernetes.create_lease(self._key, body)
            else:
                self._kubernetes.replace_lease(self._key, body)
        except Conflict:
            return  # somebody else was quicker
        if holder:
            self._renewed = started


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
