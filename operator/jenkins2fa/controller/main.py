"""Assembles the operator, starts it and stops it."""

from __future__ import annotations

import functools
import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from jenkins2fa import __version__
from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.meta import GROUP
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options, cluster_uid
from jenkins2fa.controller.instance.subject import Memories
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, Limits, WorkQueue
from jenkins2fa.controller.telemetry.metrics import Metrics, ProcessMetrics
from jenkins2fa.controller.telemetry.object_metrics import InstanceMetrics, PolicyMetrics
from jenkins2fa.controller.telemetry.server import Health, Server
from jenkins2fa.controller.watch import Lists, Watches
from jenkins2fa.controller.workers import Workers, reconcilers
from jenkins2fa.jenkins.connection import Connections
from jenkins2fa.jenkins.evidence import EvidenceError, Recorder, log_evidence
from jenkins2fa.kube.client import Connection, Forbidden, Kubernetes, KubernetesError, NoConnection, Unavailable
from jenkins2fa.kube.events import Events
from jenkins2fa.kube.lease import Leadership, OtherInstallations, Timing, all_served_by
from jenkins2fa.kube.secrets import ReferenceCache

logger = logging.getLogger(__name__)

START_SECONDS = 60.0  # how long an API server that is not ready is asked again
# Waiting without a time limit could miss a signal: one that arrives just before the wait, or in another thread, does not end it.
SIGNAL_POLL_SECONDS = 0.5
STOP_SECONDS = 0.8  # for reconciles in flight; Jenkins undoes a trial that is interrupted


class CannotStart(Exception):
    """The operator cannot work at all. The text is one line and says what to do."""


class Operator:
    """One process of the operator: caches, queue, watches, election, workers."""

    def __init__(self, options: Options, connection: Connection) -> None:
        self._options = options
        self._metrics = Metrics()
        self._recorder = _recorder(options, self._metrics)
        self._kubernetes = _open(connection)
        self._queue = WorkQueue(time.monotonic, random.random, lambda key: self._mapping.lane(key), Limits(workers=options.workers))
        self._other_installations = OtherInstallations(
            self._kubernetes, options.lease_namespace, options.lease_duration, time.monotonic, lambda: datetime.now(UTC)
        )
        cache = Cache()
        self._mapping = EventMapping(cache, self._queue)
        self._lists = Lists(self._kubernetes, self._mapping, options.namespaces)
        self._watches = Watches(connection, self._mapping, self._lists, options.namespaces)
        self._leadership = Leadership(
            self._kubernetes,
            options.lease_namespace,
            options.identity,
            time.monotonic,
            self._lead,
            self._queue.pause,
            Timing.of(options.lease_duration.total_seconds()),
        )
        self._workers = Workers(self._queue, reconcilers(self._context(cache)))
        self._cache = cache
        self._server = self._serve()

    def start(self, ended: threading.Event) -> None:
        """Start everything. Raises CannotStart if the operator could not work, or if ``ended`` is set before the API server is ready."""
        self._queue.pause()  # until we lead
        _when_ready(self._list, ended)
        if self._server is not None:
            self._server.start()
        for part in (self._lists, self._watches, self._workers, self._leadership):
            part.start()
        where = ", ".join(self._options.namespaces) or "all namespaces"
        logger.info("jenkins-2fa-operator %s watches %s as %s", __version__, where, self._options.identity)

    def _list(self) -> None:
        _check(self._kubernetes, self._options)
        self._lists.list_now()
        self._check_other_installations()

    def _check_other_installations(self) -> None:
        """Where another installation serves everything, this one was started by mistake. Raises CannotStart and KubernetesError."""
        bodies = list(self._cache.bodies(Kind.INSTANCE))
        other = self._other_installations.serving_all(bodies)
        if other is not None:
            raise CannotStart(all_served_by(other, len(bodies)))

    def stop(self) -> None:
        """Stop everything in less than two seconds."""
        self._workers.stop(STOP_SECONDS)
        self._lists.stop()
        self._watches.stop(0.3)
        self._leadership.stop()
        if self._server is not None:
            self._server.stop()
        if self._recorder is not None:
            self._recorder.close()

    def _serve(self) -> Server | None:
        cache, leading = self._cache, self._leadership.holds
        self._metrics.watch(ProcessMetrics(self._queue.depth, leading, lambda: cache.synced))
        self._metrics.watch(InstanceMetrics(lambda: list(cache.bodies(Kind.INSTANCE)), self._metrics.tally, leading))
        self._metrics.watch(PolicyMetrics(lambda: list(cache.bodies(Kind.POLICY)), leading))
        if self._options.serving is None:
            return None
        try:
            return Server(self._options.serving, self._metrics.registry, self._health)
        except OSError as error:
            host, port = self._options.serving
            raise CannotStart(
                f"metrics cannot be served at {host or '*'}:{port}: {error.strerror or error}. Choose another --metrics"
            ) from error

    def _health(self) -> Health:
        parts = {
            "kopf": self._watches.alive,
            "lists": self._lists.alive,
            "work-queue": self._workers.alive,
            "lease": self._leadership.alive,
        }
        return Health(
            watches_idle=self._watches.idle_for(),
            reconciles_idle=self._workers.idle_for(),
            depth=self._queue.depth(),
            leading=self._leadership.holds(),
            synced=self._cache.synced,
            ended_threads=tuple(name for name, alive in parts.items() if not alive),
        )

    def _lead(self) -> None:
        self._lists.request()
        self._mapping.enqueue_all()
        unmanaged, total = len(self._mapping.unmanaged()), len(self._cache.keys(Kind.INSTANCE))
        logger.info("%d instances are known; no policy selects %d of them", total, unmanaged)
        self._queue.resume()

    def _context(self, cache: Cache) -> Context:
        return Context(
            options=self._options,
            kubernetes=self._kubernetes,
            cache=cache,
            queue=self._queue,
            mapping=self._mapping,
            connections=Connections(
                ReferenceCache(self._kubernetes, time.monotonic), time.monotonic, only_remote=not self._options.loopback
            ),
            events=Events(self._kubernetes, self._options.identity, time.monotonic),
            memories=Memories(time.monotonic),
            clock=time.monotonic,
            now=lambda: datetime.now(UTC),
            random=random.random,
            leading=self._leadership.holds,
            cluster=functools.cache(lambda: cluster_uid(self._kubernetes, self._options.lease_namespace)),
            other_installations=self._other_installations,
            note=self._recorder or log_evidence,
            metrics=self._metrics,
        )


def run_until_signal(options: Options, connection: Connection) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises CannotStart."""
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        operator = Operator(options, connection)
        operator.start(ended)
        while not ended.wait(SIGNAL_POLL_SECONDS):
            pass
        operator.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    logger.info("stopped")


def _recorder(options: Options, metrics: Metrics) -> Recorder | None:
    if options.evidence is None:
        return None
    try:
        return Recorder(options.evidence, lambda: datetime.now(UTC), metrics.evidence_recorded)
    except EvidenceError as error:
        raise CannotStart(f"evidence of probes cannot be kept: {error}") from error


def _open(connection: Connection) -> Kubernetes:
    try:
        return Kubernetes(connection)
    except NoConnection as error:
        raise CannotStart(str(error)) from error


def _when_ready(start: Callable[[], None], ended: threading.Event) -> None:
    """Call ``start``, again for a while if the API server is not ready (it starts, or throttles us). Raises CannotStart."""
    until, pause = time.monotonic() + START_SECONDS, 1.0
    while True:
        try:
            start()
            return
        except KubernetesError as error:
            busy = isinstance(error, Unavailable) and error.status > 0
            if not busy or time.monotonic() > until:
                raise _cannot_start(error) from error
            logger.warning("the API server is not ready; retrying: %s", error)
            if ended.wait(max(pause, getattr(error, "retry_after", 0.0))):
                raise CannotStart("stopped while the API server was not ready") from error
            pause = min(2 * pause, 8.0)


def _check(kubernetes: Kubernetes, options: Options) -> None:
    if not kubernetes.served():
        raise CannotStart(f"the API server does not know {GROUP}: apply the CRDs in crds/ first")
    for plural in (instance.PLURAL, policy.PLURAL, break_glass.PLURAL):
        for namespace in options.namespaces or (None,):
            next(kubernetes.list(plural, namespace), None)
    if not options.namespaces:
        next(kubernetes.list(policy.CLUSTER_PLURAL, None), None)
    cluster_uid(kubernetes, options.lease_namespace)


def _cannot_start(error: KubernetesError) -> CannotStart:
    if isinstance(error, Forbidden):
        return CannotStart(f"a right is missing (see deploy/rbac.yaml): {error}")
    return CannotStart(f"the API server cannot be used: {error}")
