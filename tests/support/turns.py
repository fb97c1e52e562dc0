"""Several Jenkins processes behind one URL, as behind a load balancer: they take turns, by request or by connection."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from tests.support.proxy import Proxy
from tests.support.standin import StandIn


@contextlib.contextmanager
def twin_of(jenkins: StandIn) -> Iterator[StandIn]:
    """A second process with the same accounts and tokens."""
    with StandIn() as running:
        (running.home / "standin-tokens.json").write_text((jenkins.home / "standin-tokens.json").read_text())
        running.groovy("standin.web.JenkinsRun.reloadTokens()")
        yield running


class InTurns(Proxy):
    """A proxy with several targets; ``sticky``: all requests of one connection go to the same."""

    def __init__(self, *urls: str, sticky: bool) -> None:
        self._targets = itertools.cycle([urlsplit(url) for url in urls])
        self._sticky, self._connection, self._turn = sticky, threading.local(), threading.Lock()
        super().__init__(urls[0])

    @property
    def target(self) -> SplitResult:  # type: ignore[override]
        """The target of the current request: the handler of each connection has its own thread."""
        chosen: SplitResult | None = getattr(self._connection, "target", None) if self._sticky else None
        if chosen is None:
            with self._turn:
                chosen = self._connection.target = next(self._targets)
        return chosen

    @target.setter
    def target(self, first: SplitResult) -> None:
        """The base class sets its only target; this class has several."""
