"""Leader election by a Lease: one operator writes at a time, others wait with warm caches.

The rules are those of Kubernetes' own components: a Lease counts as expired when *we* have not seen it change for its duration (clocks of
other machines are not compared), and a holder that could not renew for ``renew_deadline`` seconds takes itself for deposed earlier.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Conflict, Kubernetes, KubernetesError, NotFound

logger = logging.getLogger(__name__)

NAME = "jenkins-2fa-operator"
OPERATOR = "operator"  # the field of a status: the namespace of the Lease of the installation that wrote it
GONE_AFTER = 8  # durations of a Lease without a renewal until its holder counts as gone; an upgrade takes less


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
