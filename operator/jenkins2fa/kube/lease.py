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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Conflict, Forbidden, Kubernetes, KubernetesError, NotFound

logger = logging.getLogger(__name__)

NAME = "jenkins-2fa-operator"
OPERATOR = "operator"  # the field of a status that names the installation that wrote it, by the namespace of its Lease
GONE_AFTER = 8  # durations of a Lease without a renewal until the other installation counts as gone; an upgrade takes less
CHECK_SECONDS = 5.0  # how long the state of another installation's Lease is remembered
WARNINGS = {
    True: "another operator (its Lease is in namespace %s) serves objects here, so this one ignores them: stop one of the two, or give "
    "them different namespaces",
    False: "another operator (its Lease was in namespace %s) served objects here and is gone: this one takes them over",
    None: "another operator (its Lease in namespace %s may not be read) served objects here: this one takes them over, and ignores those "
    "to which the other one writes again",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, with ``duration`` > ``renew_deadline`` > ``retry``. Two holders at once would need clocks whose speeds differ by half."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 4.0

    @staticmethod
    def of(duration: float) -> Timing:
        """The same proportions for another duration."""
        return Timing(duration, duration * 2 / 3, duration * 4 / 15)


class Leadership:
    """Leader election. ``identity``: of this process; ``gained`` and ``lost``: called alternately, from the election's thread."""

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
        self._version: tuple[str, float] = ("", 0.0)  # the Lease's last resource version, and when we first saw it
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
        """Give the Lease back if we hold it, so that the next leader need not wait until it expires."""
        if not self.holds():
            return
        self._renewed = None
        try:
            self._write(self._read(), holder="")
        except KubernetesError as error:
            logger.debug("lease: %s", error)

    def holds(self) -> bool:
        """Whether we may write now: only while the last renewal is recent, even if the election's thread is stuck."""
        renewed = self._renewed
        return renewed is not None and self._clock() - renewed < self._timing.renew_deadline

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            self._stop.wait(self._timing.retry)

    def step(self) -> None:
        """Renew the Lease, or try to acquire it; then report a change of leadership."""
        try:
            self._acquire_or_renew()
        except KubernetesError as error:
            logger.debug("lease: %s", error)
        if self.holds() != self._leading:
            self._leading = not self._leading
            logger.info("this replica leads now" if self._leading else "lost leadership; writes paused")
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
        if version != self._version[0]:
            self._version = (version, now)
        spec = lease.get("spec") or {}
        return not spec.get("holderIdentity") or now - self._version[1] > (spec.get("leaseDurationSeconds") or 0)

    def _write(self, lease: dict[str, Any] | None, holder: str) -> None:
        started = self._clock()  # before the request, because other replicas count from the moment when the API server has it
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
            return  # another replica was faster
        if holder:
            self._renewed = started


@dataclass(frozen=True, slots=True)
class _Check:
    """``running``: whether the installation runs, None = its Lease may not be read; ``at``: when it was checked, in monotonic seconds."""

    running: bool | None
    at: float


@dataclass(slots=True)
class OtherInstallations:
    """Thread-safe. ``own``: namespace of our Lease; ``duration``: of a Lease; ``clock``: monotonic seconds; ``now``: the time in UTC."""

    kubernetes: Kubernetes
    own: str
    duration: timedelta
    clock: Callable[[], float]
    now: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _checks: dict[str, _Check] = field(default_factory=dict)  # by namespace of the Lease
    _ours: set[str] = field(default_factory=set)  # UIDs of objects whose status we have written

    def claimed(self, uid: str) -> None:
        """Record that we write an object's status."""
        with self._lock:
            self._ours.add(uid)

    def serving(self, body: Mapping[str, Any]) -> str | None:
        """The other installation that serves an object; None = we may serve it. Raises KubernetesError."""
        named = (body.get("status") or {}).get(OPERATOR)
        if not named or named == self.own:
            return None
        running = self._is_running(named)
        if running is None:
            with self._lock:
                running = body["metadata"]["uid"] in self._ours  # it has overwritten our status
        return str(named) if running else None

    def serving_all(self, bodies: Iterable[Mapping[str, Any]]) -> str | None:
        """The other installation that serves all of these objects; None = there is none, or something is left for us."""
        servers = {self.serving(body) for body in bodies}
        return servers.pop() if len(servers) == 1 else None

    def _is_running(self, namespace: str) -> bool | None:
        """Whether the installation with a Lease in this namespace runs; None = the Lease may not be read."""
        with self._lock:
            last = self._checks.get(namespace)
        if last is not None and self.clock() - last.at < CHECK_SECONDS:
            return last.running
        check = _Check(self._is_renewed(namespace), self.clock())
        with self._lock:
            self._checks[namespace] = check
        if last is None or last.running != check.running:
            logger.warning(WARNINGS[check.running], namespace)
        return check.running

    def _is_renewed(self, namespace: str) -> bool | None:
        try:
            lease = self.kubernetes.lease(Key(namespace, NAME))
        except NotFound:
            return False
        except Forbidden:
            return None
        renewed = (lease.get("spec") or {}).get("renewTime")
        return renewed is not None and self.now() - parse_time(renewed) < GONE_AFTER * self.duration


def all_served_by(other: str, count: int) -> str:
    """The message that this operator has nothing to serve, and what to do."""
    which = f"all {count} instances" if count > 1 else "the only instance"
    return (
        f"another operator (its Lease {NAME} is in namespace {other}) serves {which} here. Stop that operator, or serve "
        "other namespaces (--namespace). To replace it, remove it first: this one takes over a few minutes later"
    )
