"""Puts the operator together, starts it and stops it."""

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
from jenkins2fa.controller.break_glass import BreakGlassReconciler
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options, cluster_uid
from jenkins2fa.controller.instance.reconcile import InstanceReconciler
from jenkins2fa.controller.instance.subject import Memories
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.policy.reconcile import PolicyReconciler
from jenkins2fa.controller.queue import Kind, Limits, Requeue, Work, WorkQueue
from jenkins2fa.controller.telemetry.metrics import Metrics, ProcessMetrics
from jenkins2fa.controller.telemetry.object_metrics import InstanceMetrics, PolicyMetrics
from jenkins2fa.controller.telemetry.server import Server, Signs
from jenkins2fa.controller.watch import Lists, Watches
from jenkins2fa.controller.workers import Reconcile, Workers
from jenkins2fa.jenkins.connection import Connections
from jenkins2fa.jenkins.evidence import EvidenceError, Recorder, log_evidence
from jenkins2fa.kube.client import Connection, Forbidden, Kubernetes, KubernetesError, NoConnection, Unavailable
from jenkins2fa.kube.events import Events
from jenkins2fa.kube.lease import Leadership, OtherInstallations, Timing, explained
from jenkins2fa.kube.secrets import ReferenceCache

logger = logging.getLogger(__name__)

START_PATIENCE = 60.0  # seconds
LONGEST_DEAFNESS = 0.5  # seconds: a signal does not wake who waits without end, if it comes the moment before, or to another thread
PATIENCE = 0.8  # seconds for reconciles in flight at the end; a trial that is cut off undoes itself


class CannotStart(Exception):
    """The operator cannot work at all; the text is one line with the way out."""


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
        """Start everything. Raises CannotStart when it would be in vain, or when ``ended`` was set before the API server was ready."""
        self._queue.pause()  # until we lead
        _patiently(self._list, ended)
        if self._server is not None:
            self._server.start()
        for part in (self._lists, self._watches, self._workers, self._leadership):
            part.start()
        where = ", ".join(self._options.namespaces) or "all namespaces"
        logger.info("jenkins-2fa-operator %s watches %s as %s", __version__, where, self._options.identity)

    def _list(self) -> None:
        _check(self._kubernetes, self._options)
        self._lists.once()
        self._insist_on_work()

    def _insist_on_work(self) -> None:
        """Where another installation serves everything, this one was started by mistake. Raises CannotStart and KubernetesError."""
        bodies = list(self._cache.bodies(Kind.INSTANCE))
        other = self._other_installations.serving_all(bodies)
        if other is not None:
            raise CannotStart(explained(other, len(bodies)))

    def stop(self) -> None:
        """Stop everything in less than two seconds."""
        self._workers.stop(PATIENCE)
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
            return Server(self._options.serving, self._metrics.registry, self._signs)
        except OSError as error:
            host, port = self._options.serving
            raise CannotStart(
                f"nothing can be served at {host or '*'}:{port}: {error.strerror or error}. Choose another --metrics"
            ) from error

    def _signs(self) -> Signs:
        parts = {
            "kopf": self._watches.alive,
            "lists": self._lists.alive,
            "work-queue": self._workers.alive,
            "lease": self._leadership.alive,
        }
        return Signs(
            watches=self._watches.still_for(),
            passes=self._workers.still_for(),
            depth=self._queue.depth(),
            leading=self._leadership.holds(),
            synced=self._cache.synced,
            threads=tuple(name for name, alive in parts.items() if not alive),
        )

    def _lead(self) -> None:
        self._lists.ask()
        self._mapping.everything()
        unmanaged, every = len(self._mapping.unmanaged()), len(self._cache.keys(Kind.INSTANCE))
        logger.info("%d instances are known; no policy selects %d of them", every, unmanaged)
        self._queue.resume()

    def _context(self, cache: Cache) -> Context:
        return Context(
            options=self._options,
            kubernetes=self._kubernetes,
            cache=cache,
            queue=self._queue,
            mapping=self._mapping,
            connections=Connections(ReferenceCache(self._kubernetes, time.monotonic), time.monotonic, away=not self._options.loopback),
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


def reconcilers(context: Context) -> Reconcile:
    """The reconcile for a key of any kind; an API server that does not answer, or a write that came too late, is tried again."""
    policies = PolicyReconciler(context)
    break_glasses = BreakGlassReconciler(context)
    instances = InstanceReconciler(context, policies, break_glasses)
    kinds: dict[Kind, Callable[[Work], Requeue]] = {
        Kind.INSTANCE: instances.run,
        Kind.POLICY: policies.run,
        Kind.BREAK_GLASS: break_glasses.run,
    }

    def run(work: Work) -> Requeue:
        if not context.leading():
            return Requeue(after=1.0, urgency=work.urgency)
        begun, result = context.clock(), "crashed"
        try:
            requeue = kinds[work.key.kind](work)
            result = "retried" if requeue.back_off else "done"
            return requeue
        except (KubernetesError, NoConnection) as error:
            result = "unavailable"
            level = logging.WARNING if isinstance(error, Forbidden) else logging.DEBUG
            logger.log(level, "%s: %s", work.key, error)
            return Requeue(after=getattr(error, "retry_after", None), back_off=True, cap=30.0, urgency=work.urgency)
        finally:
            context.metrics.reconciled(work, result, context.clock() - begun)

    return run


def run_until_signal(options: Options, connection: Connection) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises CannotStart."""
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        operator = Operator(options, connection)
        operator.start(ended)
        while not ended.wait(LONGEST_DEAFNESS):
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
        return Recorder(options.evidence, lambda: datetime.now(UTC), metrics.evidence_written)
    except EvidenceError as error:
        raise CannotStart(f"evidence of probes cannot be kept: {error}") from error


def _open(connection: Connection) -> Kubernetes:
    try:
        return Kubernetes(connection)
    except NoConnection as error:
        raise CannotStart(str(error)) from error


def _patiently(begin: Callable[[], None], ended: threading.Event) -> None:
    """An API server that answers "not now" (it starts, or throttles us) is asked again for a while. Raises CannotStart."""
    until, pause = time.monotonic() + START_PATIENCE, 1.0
    while True:
        try:
            begin()
            return
        except KubernetesError as error:
            busy = isinstance(error, Unavailable) and error.status > 0
            if not busy or time.monotonic() > until:
                raise _explained(error) from error
            logger.warning("the API server is not ready for us, trying again: %s", error)
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


def _explained(error: KubernetesError) -> CannotStart:
    if isinstance(error, Forbidden):
        return CannotStart(f"a right is missing (see deploy/rbac.yaml): {error}")
    return CannotStart(f"the API server cannot be used: {error}")
