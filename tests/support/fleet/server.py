"""Serves a fleet of fakes from one process, each on its own loopback port, and its counters on a control port.

    python -m tests.support.fleet.server --count 1000 --dead 50 --slow 50 --slow-seconds 4

The first line on standard output is JSON: `control` (a port) and `ports` (of every controller: healthy, slow, dead). Every second dead one
accepts connections and never replies; nothing listens on the others. The process ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response

from tests.support.fleet.jenkins import FakeJenkins

BACKLOG = 16
Answer = Callable[[BaseRequest], Awaitable[Response]]


def epoch() -> int:
    return int(time.time() * 1000)


@dataclass(slots=True)
class Host:
    """One controller and its counters. Times: seconds of the monotonic clock, which all processes of a machine share."""

    port: int
    jenkins: FakeJenkins
    delay: float = 0.0
    observations: list[float] = field(default_factory=list)
    changed: float = 0.0  # when a confirmation last wrote its disk
    requests: int = 0

    async def serve(self, request: BaseRequest) -> Response:
        self.requests += 1
        body = await request.read()
        if self.delay:
            await asyncio.sleep(self.delay)
        headers = {name.lower(): value for name, value in request.headers.items()}
        stored = self.jenkins.disk, self.jenkins.files.get("gate.json")
        if "x-jenkins2fa-observe" in headers:
            self.observations.append(time.monotonic())
        reply = self.jenkins.answer(request.method, request.path, headers, body)
        if (self.jenkins.disk, self.jenkins.files.get("gate.json")) != stored:
            self.changed = time.monotonic()
        return Response(status=reply.status, text=reply.text, headers=dict(reply.headers))

    def counters(self) -> dict[str, Any]:
        gate = self.jenkins.gate or {}
        return {"observations": self.observations, "changed": self.changed, "requests": self.requests, "effective": self.jenkins.effective,
                "exempt": gate.get("exemptGroups", []), "open": "trial.json" in self.jenkins.files}  # fmt: skip


class Fleet:
    def __init__(self, count: int, dead: int, slow: int, slow_seconds: float) -> None:
        self._sockets = [_listening() for _ in range(count)]
        self._ports = [one.getsockname()[1] for one in self._sockets]
        healthy, answering = count - dead - slow, count - dead
        self._hosts = [
            Host(port, FakeJenkins(f"http://127.0.0.1:{port}/", epoch), 0.0 if at < healthy else slow_seconds)
            for at, port in enumerate(self._ports[:answering])
        ]
        self._silent: list[asyncio.Server] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for host, listening in zip(self._hosts, self._sockets, strict=False):
            await loop.create_server(web.Server(host.serve, access_log=None), sock=listening, backlog=BACKLOG)
        for at, listening in enumerate(self._sockets[len(self._hosts) :]):
            if at % 2:
                listening.close()
            else:
                self._silent.append(await asyncio.start_server(_say_nothing, sock=listening, backlog=BACKLOG))
        control = _listening()
        await loop.create_server(web.Server(self._control, access_log=None), sock=control)
        print(json.dumps({"control": control.getsockname()[1], "ports": self._ports}), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)

    async def _control(self, request: BaseRequest) -> Response:
        """GET /: the counters of every replying host. POST /forget: reset them."""
        if request.path == "/forget":
            for host in self._hosts:
                host.observations, host.requests, host.changed = [], 0, 0.0
        return Response(text=json.dumps([host.counters() for host in self._hosts]), content_type="application/json")


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass
    writer.close()


def _listening() -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--dead", type=int, default=0)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--slow-seconds", type=float, default=4.0)
    given = parser.parse_args()
    asyncio.run(Fleet(given.count, given.dead, given.slow, given.slow_seconds).run())


if __name__ == "__main__":
    main()
