"""Starts the process of a fleet (`server`) and reads its counters."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

import requests

from tests.support.prepared import CHECKOUT


class FleetProcess:
    """A context manager that starts and ends the process. ``urls``: of every controller, without a trailing slash; first the healthy
    ones, then the slow, then the dead."""

    def __init__(self, count: int, *, dead: int = 0, slow: int = 0, slow_seconds: float = 4.0) -> None:
        self.healthy, self.slow, self.dead = count - dead - slow, slow, dead
        options = {"count": count, "dead": dead, "slow": slow, "slow-seconds": slow_seconds}
        self._command = [sys.executable, "-m", "tests.support.fleet.server", *(f"--{name}={value}" for name, value in options.items())]
        self.urls: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self._control = f"http://127.0.0.1:{told['control']}"
        self.urls = [f"http://127.0.0.1:{port}" for port in told["ports"]]
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def counters(self) -> list[dict[str, Any]]:
        """Of every host that answers: observations (times), changed (time), requests, effective, exempt (groups), open (a trial)."""
        found: list[dict[str, Any]] = self._session().get(self._control + "/", timeout=60).json()
        return found

    def forget(self) -> None:
        """Reset counts and times."""
        self._session().post(self._control + "/forget", timeout=60).raise_for_status()

    @staticmethod
    def _session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session
