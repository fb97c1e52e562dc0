"""Lists and watches: the thread that lists survives any error, and a silent watch is noticed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest

from jenkins2fa.controller import watch
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import WorkQueue
from jenkins2fa.controller.watch import Lists, kopf_settings
from jenkins2fa.kube.client import Kubernetes
from tests.support.waiting import wait_until


class OddServer:
    """An API server whose first answer causes an error that is not a KubernetesError."""

    def __init__(self) -> None:
        self.asked = 0

    def list(self, plural: str, namespace: str | None) -> Iterator[Any]:
        self.asked += 1
        if self.asked == 1:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "an unexpected answer")
        yield from ()


def test_listing_survives_an_unexpected_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("TICK_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(watch, name, 0.01)
    cache, server = Cache(), OddServer()
    mapping = EventMapping(cache, WorkQueue(lambda: 0.0, lambda: 0.5))
    lists = Lists(cast(Kubernetes, server), mapping, ("team",))
    assert not lists.alive
    lists.start()
    lists.request()
    wait_until(lambda: cache.synced, seconds=5, what="it lists again")
    assert lists.alive
    assert [record.levelno for record in caplog.records if "lists: failed unexpectedly" in record.message] == [logging.ERROR]
    lists.stop()
    wait_until(lambda: not lists.alive, seconds=5, what="it ends when it is told to")


def test_a_silent_watch_is_closed_once_its_bookmark_is_overdue() -> None:
    watching = kopf_settings().watching
    assert 60 < watching.inactivity_timeout < 75
    assert watching.server_timeout is not None
    assert watching.client_timeout is not None
    assert watching.server_timeout < watching.client_timeout
