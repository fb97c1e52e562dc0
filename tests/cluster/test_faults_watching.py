"""A watch that falls silent without being closed, as behind a load balancer, or a failed Kopf: no event is missed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import kopf
import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, WorkQueue
from jenkins2fa.controller.watch import Lists, Watches, kopf_settings
from jenkins2fa.kube.client import Connection, Kubernetes
from tests.support.kube import KubeServer
from tests.support.kube_fault_kinds import Answer, lists, watches
from tests.support.kube_faults import KubeFaults
from tests.support.scene import Scene
from tests.support.waiting import wait_until


def impatient() -> kopf.OperatorSettings:
    """The operator's own settings, except that silence is noticed after 3 s instead of 70."""
    settings = kopf_settings()
    settings.watching.inactivity_timeout = 3.0
    return settings


@pytest.fixture
def faults(kube: KubeServer) -> Iterator[KubeFaults]:
    with KubeFaults(kube) as proxy:
        yield proxy


@contextlib.contextmanager
def watched(kube: KubeServer, namespace: str, faults: KubeFaults, settings: Callable[[], kopf.OperatorSettings]) -> Iterator[Cache]:
    """The cache that the watches of one namespace keep current. ``settings`` is called in Kopf's event loop at each of its starts."""
    connection, kept = Connection(str(faults.kubeconfig(kube.kubeconfig))), Cache()
    mapping = EventMapping(kept, WorkQueue(time.monotonic, random.random))
    by_hand = Lists(Kubernetes(connection), mapping, (namespace,))  # never started: watches alone
    watching = Watches(connection, mapping, by_hand, (namespace,), settings=settings)
    by_hand.list_now()
    watching.start()
    wait_until(lambda: len(faults.streams) >= 2, seconds=20, what="both kinds are watched")
    yield kept
    watching.stop(20.0)  # a Kopf run that cannot end is abandoned first
    faults.end_watches()
    assert not [one for one in threading.enumerate() if one.name == "kopf" and one.is_alive()], "it ended"


@pytest.fixture
def cache(kube: KubeServer, namespace: str, faults: KubeFaults) -> Iterator[Cache]:
    with watched(kube, namespace, faults, impatient) as kept:
        yield kept


def test_a_silent_watch_is_reopened_without_losing_events(kube: KubeServer, namespace: str, faults: KubeFaults, cache: Cache) -> None:
    scene, key = Scene(kube, namespace), Key(namespace, "build")
    scene.instance("build", "http://127.0.0.1:9")
    wait_until(lambda: cache.instance(key), what="the watch works")
    listed = faults.count(lists)
    assert faults.stall_watches() >= 2
    scene.policy("new")
    scene.delete("ji", "build")
    wait_until(lambda: cache.policy(Key(namespace, "new")), seconds=20, what="the new policy is known")
    wait_until(lambda: not cache.keys(Kind.INSTANCE), seconds=20, what="the deletion is known")
    assert faults.count(lists) == listed, "it continues where it was, without a list"


def test_a_permanently_refused_watch_is_restarted(kube: KubeServer, namespace: str, faults: KubeFaults, cache: Cache) -> None:
    """410 instead of a stream: Kopf gives up and is restarted."""
    faults.fault(Answer(410), watches, times=1)
    faults.end_watches()
    wait_until(lambda: faults.hits, seconds=20, what="it was refused")
    Scene(kube, namespace).policy("late")
    wait_until(lambda: cache.policy(Key(namespace, "late")), seconds=20, what="the new policy is known")


async def waits_for_a_helper() -> None:
    """Wait like a watch of Kopf whose scheduler ended first: cancelling does not end it."""
    helper = asyncio.create_task(asyncio.Event().wait())
    while not helper.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(helper)


async def hears_nothing() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


@pytest.mark.parametrize("deaf", [waits_for_a_helper, pytest.param(hears_nothing, marks=pytest.mark.slow)])
def test_kopf_is_restarted_if_it_fails_and_cannot_end(
    kube: KubeServer, namespace: str, faults: KubeFaults, deaf: Callable[[], Awaitable[None]]
) -> None:
    lives: list[asyncio.Task[None]] = []

    def settings() -> kopf.OperatorSettings:
        if not lives:
            lives.append(asyncio.ensure_future(deaf()))
        return impatient()

    with watched(kube, namespace, faults, settings) as cache:
        faults.fault(Answer(410), watches, times=1)
        faults.end_watches()
        wait_until(lambda: faults.hits, seconds=20, what="it was refused")
        Scene(kube, namespace).policy("late")
        wait_until(lambda: cache.policy(Key(namespace, "late")), seconds=60, what="the new policy is known")
