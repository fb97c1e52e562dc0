"""The real parts of the operator, connected as in `controller/main.py`, but with a test clock and one thread.

No other file of the scenario ring knows how the operator is connected.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options, cluster_uid
from jenkins2fa.controller.instance.subject import Memories
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, Limits, Requeue, Work, WorkQueue
from jenkins2fa.controller.telemetry.metrics import Metrics
from jenkins2fa.controller.workers import reconcilers
from jenkins2fa.jenkins.connection import Connections
from jenkins2fa.kube.client import Connection, Kubernetes
from jenkins2fa.kube.events import Events
from jenkins2fa.kube.lease import OtherInstallations
from jenkins2fa.kube.secrets import ReferenceCache
from tests.support.scenario.clock import Clock

KINDS = {
    "jenkinsinstances": Kind.INSTANCE,
    "twofactorpolicies": Kind.POLICY,
    "clustertwofactorpolicies": Kind.POLICY,
    "twofactorbreakglasses": Kind.BREAK_GLASS,
}
LEASE_NAMESPACE = "jenkins-2fa"


class Reconciler:
    """One run of the operator's process that leads from its start on."""

    def __init__(self, url: str, folder: Path, clock: Clock, **options: Any) -> None:
        self.options = Options(lease_namespace=LEASE_NAMESPACE, identity="scenario", **options)
        kubernetes = Kubernetes(Connection(kubeconfig=str(kubeconfig(url, folder))))
        self._cache = Cache()
        self._queue = WorkQueue(clock.monotonic, lambda: 0.5, lambda key: self._mapping.lane(key), Limits())
        self._mapping = EventMapping(self._cache, self._queue)
        self.metrics = Metrics()
        context = Context(
            options=self.options,
            kubernetes=kubernetes,
            cache=self._cache,
            queue=self._queue,
            mapping=self._mapping,
            connections=Connections(ReferenceCache(kubernetes, clock.monotonic), clock.monotonic, only_remote=not self.options.loopback),
            events=Events(kubernetes, self.options.identity, clock.monotonic),
            memories=Memories(clock.monotonic),
            clock=clock.monotonic,
            now=clock.now,
            random=lambda: 0.5,
            leading=lambda: True,
            cluster=functools.cache(lambda: cluster_uid(kubernetes, self.options.lease_namespace)),
            other_installations=OtherInstallations(
                kubernetes, self.options.lease_namespace, self.options.lease_duration, clock.monotonic, clock.now
            ),
            metrics=self.metrics,
        )
        self._run: Callable[[Work], Requeue] = reconcilers(context)

    def hear(self, plural: str, event: str, body: dict[str, Any]) -> None:
        """An event of a watch."""
        if plural == "namespaces":
            self._mapping.map_namespace(event, body)
        elif plural in KINDS:
            self._mapping.map_event(KINDS[plural], event, body)

    def lead(self) -> None:
        """Everything has been listed: reconcile every object."""
        self._cache.mark_synced()
        self._mapping.enqueue_all()

    def work(self) -> None:
        """Reconcile everything that is due now."""
        while (work := self._queue.take(block=False)) is not None:
            self._queue.done(work, self._run(work))


def kubeconfig(url: str, folder: Path) -> Path:
    file = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "scenario",
        "clusters": [{"name": "scenario", "cluster": {"server": url}}],
        "users": [{"name": "scenario", "user": {"token": "token-of-the-operator"}}],
        "contexts": [{"name": "scenario", "context": {"cluster": "scenario", "user": "scenario"}}],
    }
    file.write_text(json.dumps(config))
    return file
