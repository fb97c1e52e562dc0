"""The thread that lists outlives whatever it meets, and is looked after when it does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from jenkins2fa.controller import watch
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Options
from jenkins2fa.controller.main import Operator
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import WorkQueue
from jenkins2fa.controller.watch import Lists
from jenkins2fa.kube.client import Connection, Kubernetes
from tests.support.waiting import wait_until


class OddServer:
    """An API server whose first answer is read with an error that is none of Kubernetes'."""

    def __init__(self) -> None:
        self.asked = 0

    def list(self, plural: str, namespace: str | None) -> Iterator[Any]:
        self.asked += 1
        if self.asked == 1:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "an answer that nobody expects")
        yield from ()


def test_what_nobody_expects_ends_no_list(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
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


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
"""


def test_the_health_page_names_each_thread_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    operator = Operator(Options(), Connection(str(tmp_path / "config")))
    assert operator._health().ended_threads == ("kopf", "lists", "work-queue", "lease")
