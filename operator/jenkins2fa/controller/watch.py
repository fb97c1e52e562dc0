"""Keeps the cache true to the cluster: Kopf's watches in a thread of their own, and full lists now and then.

A watch event updates the cache and puts keys into the queue, nothing else. Only ``on.event`` is used: Kopf's change handlers, timers and
daemons would write annotations and finalizers to users' objects. A watch that was interrupted does not report the deletions that it missed;
the lists find them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import kopf

from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.meta import GROUP, VERSION
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind
from jenkins2fa.kube.client import Body, Connection, Kubernetes, KubernetesError, NoConnection

logger = logging.getLogger(__name__)
RESYNC_SECONDS = 300.0
RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 8.0  # before Kopf is started again; nothing is watched meanwhile
TICK_SECONDS = 1.0
CANCEL_AGAIN_TICKS = 3  # a watch that is cancelled while it retries may lose the cancellation, and then waits for ever
GIVE_UP_TICKS = 8  # a watch that still has not ended waits for helpers that are gone: this run of Kopf is given up


def register(mapping: EventMapping, connection: Connection, relist: Callable[[], None], *, clusterwide: bool) -> kopf.OperatorRegistry:
    """A registry of Kopf with our handlers. ``clusterwide``: watch cluster policies too, and the labels of namespaces that they select by.

    ``relist`` is called when a watch starts again with a list because its resource version was too old: that list does not show what was
    deleted meanwhile."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return connection.for_kopf()

    @kopf.on.event(GROUP, VERSION, instance.PLURAL, registry=registry)
    async def on_instance(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] is None:
            relist()
        mapping.map_event(Kind.INSTANCE, event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, policy.PLURAL, registry=registry)
    async def on_policy(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] is None:
            relist()
        mapping.map_event(Kind.POLICY, event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, break_glass.PLURAL, registry=registry)
    async def on_break_glass(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] is None:
            relist()
        mapping.map_event(Kind.BREAK_GLASS, event["type"], event["object"])

    if clusterwide:
        kopf.on.event(GROUP, VERSION, policy.CLUSTER_PLURAL, registry=registry)(on_policy)

        @kopf.on.event("", "v1", "namespaces", registry=registry)
        async def on_namespace(event: kopf.RawEvent, **_: Any) -> None:
            mapping.map_namespace(event["type"], event["object"])

    return registry


class _NothingHandled(kopf.DiffBaseStorage):
    """Keeps Kopf from copying each object for its change handlers. We have none, and when a large fleet changed, the copies took a sixth of
    the operator's time."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("nothing is written to users' objects")


def kopf_settings() -> kopf.OperatorSettings:
    """Kopf's settings: a stream that dies silently is noticed, and Kopf does none of the scanning and posting that we do not use."""
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NothingHandled()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 70.0  # API servers send a bookmark every minute
    settings.watching.reconnect_backoff = 1.0
    settings.watching.chunk_size = 500
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = (1, 2, 4, 8, 15)
    settings.queueing.exit_timeout = 0.5
    return settings


class Lists:
    """Lists our resources every five minutes, and when :meth:`request` is called.

    ``namespaces``: empty = the whole cluster, including cluster policies."""

    def __init__(self, kubernetes: Kubernetes, mapping: EventMapping, namespaces: tuple[str, ...]) -> None:
        self._kubernetes, self._mapping = kubernetes, mapping
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._clusterwide = not namespaces
        self._requested, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)

    def list_now(self) -> None:
        """List now. Raises KubernetesError."""
        for body in self._listed_namespaces():
            self._mapping.map_namespace(None, body)
        plurals = {Kind.INSTANCE: instance.PLURAL, Kind.POLICY: policy.PLURAL, Kind.BREAK_GLASS: break_glass.PLURAL}
        objects = {kind: list(self._listed(plural)) for kind, plural in plurals.items()}
        if self._clusterwide:
            objects[Kind.POLICY] += self._kubernetes.list(policy.CLUSTER_PLURAL, None)
        self._mapping.resync(objects)

    def _listed(self, plural: str) -> Iterator[Body]:
        for namespace in self._namespaces:
            yield from self._kubernetes.list(plural, namespace)

    def _listed_namespaces(self) -> Iterator[Body]:
        """The namespaces with their labels. Only cluster policies select by them."""
        if self._clusterwide:
            yield from self._kubernetes.namespaces()

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def request(self) -> None:
        self._requested.set()

    def stop(self) -> None:
        self._stopped.set()
        self._requested.set()

    def _run(self) -> None:
        failures, pause = 0, RESYNC_SECONDS
        while True:
            if self._requested.wait(pause):
                self._stopped.wait(TICK_SECONDS)  # several requests come at once
            self._requested.clear()
            if self._stopped.is_set():
                return
            try:
                self.list_now()
                failures, pause = 0, RESYNC_SECONDS
            except Exception as error:  # without lists, a missed deletion would never be found
                if isinstance(error, KubernetesError | NoConnection):
                    logger.debug("lists: %s", error)
                else:
                    logger.exception("lists: failed unexpectedly (%s); retrying", type(error).__name__)
                failures += 1
                pause = max(min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** min(failures - 1, 8)), getattr(error, "retry_after", 0.0))


class Watches:
    """Runs Kopf until it is stopped, and again whenever it ends by itself, as when an API server that restarts refuses its token."""

    def __init__(
        self,
        connection: Connection,
        mapping: EventMapping,
        lists: Lists,
        namespaces: tuple[str, ...],
        *,
        settings: Callable[[], kopf.OperatorSettings] = kopf_settings,
    ) -> None:
        self._connection, self._mapping, self._lists, self._namespaces = connection, mapping, lists, namespaces
        self._settings = settings
        self._stopped = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._ticked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def idle_for(self) -> float:
        """Seconds since Kopf's event loop last ticked (it does so every second), or was started."""
        return time.monotonic() - self._ticked

    def _tick(self, loop: asyncio.AbstractEventLoop, cancelled: Mapping[asyncio.Task[object], int]) -> None:
        """A sign of life every second, which also ends tasks that do not react to their cancellation.

        A callback and not a task, because Kopf waits for foreign tasks when it ends. ``cancelled``: the tasks that were cancelled but have
        not ended, with the number of ticks since."""
        self._ticked = time.monotonic()
        cancelled = {task: cancelled.get(task, 0) + 1 for task in asyncio.all_tasks(loop) if task.cancelling()}
        for task in (task for task, ticks in cancelled.items() if ticks > CANCEL_AGAIN_TICKS):
            task.cancel()
        loop.call_later(TICK_SECONDS, self._tick, loop, cancelled)
        if any(ticks > GIVE_UP_TICKS for ticks in cancelled.values()):
            loop.stop()  # asyncio.run then cancels every task that is left; if that hangs too, the next tick stops it

    def stop(self, timeout: float) -> None:
        self._stopped.set()
        with contextlib.suppress(RuntimeError):  # its event loop is closed already
            self._end()
        self._thread.join(timeout)

    def _run(self) -> None:
        pause = RETRY_SECONDS
        while not self._stopped.is_set():
            begun = self._ticked = time.monotonic()
            try:
                asyncio.run(self._operator())
            except Exception as error:  # the operator must continue to watch, whatever happened
                logger.debug("the watches ended: %s: %s", type(error).__name__, error)
            pause = RETRY_SECONDS if time.monotonic() - begun > LONGEST_RETRY_SECONDS else min(LONGEST_PAUSE_SECONDS, pause * 2)
            if not self._stopped.wait(pause):
                logger.warning("the watches on the API server ended; starting them again")
                self._lists.request()

    async def _operator(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        # Not a threading.Event: a thread of the loop would wait for it, and delay the end of a Kopf that ends by itself.
        self._end = partial(loop.call_soon_threadsafe, ended.set)
        self._tick(loop, {})
        if self._stopped.is_set():
            return
        await kopf.operator(
            registry=register(self._mapping, self._connection, self._lists.request, clusterwide=not self._namespaces),
            settings=self._settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=ended,
        )
