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
LONGEST_PAUSE_SECONDS = 8.0  # between two lives of Kopf, in which nothing is watched; within one it has back-offs of its own
TURN_SECONDS = 1.0
PATIENT_TURNS = 3  # a watch that is cancelled while it tries again may forget that, and wait for ever for a log-in that is gone
HOPELESS_TURNS = 8  # one that waits, whatever cancels it, for helpers that have ended before it: then this life of Kopf is given up


def register(mapping: EventMapping, connection: Connection, relist: Callable[[], None], *, clusterwide: bool) -> kopf.OperatorRegistry:
    """A registry of Kopf's with our handlers; ``clusterwide``: cluster policies count, and with them the labels of namespaces.

    ``relist`` is called when a watch began anew with a list (its resource version was too old): what was deleted meanwhile it does not
    tell."""
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
    """Kopf copies each object to compare it with what its change handlers have seen last, of which we have none: the copies alone were a
    sixth of the operator's work in a change of a large fleet."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("nothing is written to users' objects")


def kopf_settings() -> kopf.OperatorSettings:
    """Kopf's settings: streams that die in silence are noticed, nothing is scanned for or posted that we do not use."""
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
    """Lists our resources every five minutes and when :meth:`ask` is called. ``namespaces`` empty = the whole cluster, cluster policies
    included."""

    def __init__(self, kubernetes: Kubernetes, mapping: EventMapping, namespaces: tuple[str, ...]) -> None:
        self._kubernetes, self._mapping = kubernetes, mapping
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._clusterwide = not namespaces
        self._wanted, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)

    def once(self) -> None:
        """List now. Raises KubernetesError."""
        for body in self._labelled():
            self._mapping.map_namespace(None, body)
        plurals = {Kind.INSTANCE: instance.PLURAL, Kind.POLICY: policy.PLURAL, Kind.BREAK_GLASS: break_glass.PLURAL}
        found = {kind: list(self._listed(plural)) for kind, plural in plurals.items()}
        if self._clusterwide:
            found[Kind.POLICY] += self._kubernetes.list(policy.CLUSTER_PLURAL, None)
        self._mapping.resync(found)

    def _listed(self, plural: str) -> Iterator[Body]:
        for where in self._namespaces:
            yield from self._kubernetes.list(plural, where)

    def _labelled(self) -> Iterator[Body]:
        """Namespaces whose labels matter: only cluster policies select by them."""
        if self._clusterwide:
            yield from self._kubernetes.namespaces()

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def ask(self) -> None:
        self._wanted.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wanted.set()

    def _run(self) -> None:
        failures, pause = 0, RESYNC_SECONDS
        while True:
            if self._wanted.wait(pause):
                self._stopped.wait(TURN_SECONDS)  # many ask at once
            self._wanted.clear()
            if self._stopped.is_set():
                return
            try:
                self.once()
                failures, pause = 0, RESYNC_SECONDS
            except Exception as error:  # whatever it is, the next list may go well: without lists a lost deletion is never noticed
                if isinstance(error, KubernetesError | NoConnection):
                    logger.debug("lists: %s", error)
                else:
                    logger.exception("lists: failed unexpectedly (%s); it is tried again", type(error).__name__)
                failures += 1
                pause = max(min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** min(failures - 1, 8)), getattr(error, "retry_after", 0.0))


class Watches:
    """Runs Kopf until it is stopped, and again whenever it gives up (it does when an API server that restarts refuses its token)."""

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
        self._turned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def still_for(self) -> float:
        """Seconds since Kopf's event loop turned (it does so every second), or was begun again."""
        return time.monotonic() - self._turned

    def _turn(self, loop: asyncio.AbstractEventLoop, deaf: Mapping[asyncio.Task[object], int]) -> None:
        """A callback, no task: Kopf waits for foreign tasks at its end. ``deaf``: tasks that were cancelled, and for how many turns."""
        self._turned = time.monotonic()
        deaf = {task: deaf.get(task, 0) + 1 for task in asyncio.all_tasks(loop) if task.cancelling()}
        for task in (task for task, turns in deaf.items() if turns > PATIENT_TURNS):
            task.cancel()
        loop.call_later(TURN_SECONDS, self._turn, loop, deaf)
        if any(turns > HOPELESS_TURNS for turns in deaf.values()):
            loop.stop()  # asyncio.run cancels all that is left, the helpers of what is deaf too; where that hangs, it is stopped as well

    def stop(self, patience: float) -> None:
        self._stopped.set()
        with contextlib.suppress(RuntimeError):  # that life of Kopf has ended already
            self._end()
        self._thread.join(patience)

    def _run(self) -> None:
        pause = RETRY_SECONDS
        while not self._stopped.is_set():
            begun = self._turned = time.monotonic()
            try:
                asyncio.run(self._operator())
            except Exception as error:  # whatever it is, the operator must go on watching
                logger.debug("the watches ended: %s: %s", type(error).__name__, error)
            pause = RETRY_SECONDS if time.monotonic() - begun > LONGEST_RETRY_SECONDS else min(LONGEST_PAUSE_SECONDS, pause * 2)
            if not self._stopped.wait(pause):
                logger.warning("the watches on the API server ended, and are begun again")
                self._lists.ask()

    async def _operator(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        # No threading.Event: a thread of the loop would wait for it, and hold up the end of a Kopf that gave up by itself.
        self._end = partial(loop.call_soon_threadsafe, ended.set)
        self._turn(loop, {})
        if self._stopped.is_set():
            return
        await kopf.operator(
            registry=register(self._mapping, self._connection, self._lists.ask, clusterwide=not self._namespaces),
            settings=self._settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=ended,
        )
