"""A Jenkins controller of the fake fleet, over HTTP on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.fleet.jenkins import FakeJenkins, Reply
from tests.support.fleet.plugins import MINI_ORANGE, FakePlugin


@dataclass(slots=True)
class FakeController:
    """``jenkins``: its state. ``reply``: if set, the reply to every request. ``silent``: it closes connections without a reply.
    ``twin``: another process behind the same URL, which takes every second request. ``begun``: called when a trial has begun.
    ``asked``: method and path of every request."""

    epoch: Callable[[], int]
    kind: FakePlugin = MINI_ORANGE
    jenkins: FakeJenkins = field(init=False)
    reply: Reply | None = None
    silent: bool = False
    twin: FakeJenkins | None = None
    begun: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)
    url: str = ""
    _trials: int = 0
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.jenkins = FakeJenkins(self.url + "/", self.epoch, kind=self.kind)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    # --- what it is like ---

    @property
    def is_on(self) -> bool:
        """Whether the plugin demands a second factor: live flag, memory and disk agree."""
        jenkins = self.jenkins
        jenkins.expire()
        live = jenkins.live or not self.kind.has_live_flag
        return bool(live and jenkins.memory["enabled"] and (jenkins.disk or {}).get("enabled"))

    @property
    def is_off(self) -> bool:
        return not self.jenkins.live and not self.jenkins.memory["enabled"]

    @property
    def is_open(self) -> bool:
        """Whether a break-glass lets everybody in: the settings are on, and nobody is challenged."""
        self.jenkins.expire()
        return bool(self.jenkins.memory["enabled"] and not self.jenkins.effective)

    @property
    def trials(self) -> int:
        """How many changes were begun here."""
        return self._trials

    @property
    def files(self) -> dict[str, Any]:
        """The files in $JENKINS_HOME/jenkins2fa."""
        return self.jenkins.files

    # --- what an administrator does behind the operator's back ---

    def switch_off(self) -> None:
        if self.kind is MINI_ORANGE:
            self.jenkins.save_form(enabled=False, questions=True)
        else:
            self.jenkins.save(**self.kind.off)

    def restart(self) -> None:
        self.jenkins.restart()

    def enrol_everybody(self) -> None:
        users = self.jenkins.users
        users |= {self.kind.factors[0]: users["total"], "notEnrolled": 0, "administratorsNotEnrolled": 0}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.asked.append(f"{method} {path}")
        answering = self.twin if self.twin is not None and len(self.asked) % 2 else self.jenkins
        was_open = "trial.json" in answering.files
        reply = self.reply or answering.answer(method, path, headers, body)
        if not was_open and "trial.json" in answering.files:
            self._trials += 1
            self.begun()
        return reply


def _handler(controller: FakeController) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if controller.silent:
                self.close_connection = True
                return
            reply = controller.answer(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            data = reply.text.encode()
            lines = [f"HTTP/1.1 {reply.status} x", *(f"{name}: {value}" for name, value in reply.headers.items())]
            self.wfile.write("\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler
