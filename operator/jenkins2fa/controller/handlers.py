"""What Kopf delivers: an event updates the cache and puts keys into the queue, nothing else.

Only ``on.event``: change handlers, timers and daemons of Kopf would write annotations and finalizers to users' objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.meta import GROUP, VERSION
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind
from jenkins2fa.kube.connection import Connection


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
