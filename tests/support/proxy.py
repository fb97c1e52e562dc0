"""A proxy between the operator and Jenkins that injects faults: false, truncated, late, lost or reset replies; and TLS.

with Proxy(jenkins.url) as proxy:
    proxy.fault(Cut(20))                       # from now on, every request
    proxy.fault(Lose(), script="begin", times=1)  # the next call of that script is carried out, and its reply lost
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Say:
    """A reply that is not from Jenkins; the request is not forwarded."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """Jenkins' reply, truncated after this number of bytes of its body."""

    after: int


@dataclass(frozen=True, slots=True)
class Lose:
    """The request is carried out; the connection is closed without a reply."""


@dataclass(frozen=True, slots=True)
class Late:
    """The reply comes after this number of seconds; the request is carried out at once, or (``before``) only then."""

    seconds: float
    before: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset; the request is not forwarded."""


Fault = Say | Cut | Lose | Late | Reset


@dataclass(slots=True)
class _Rule:
    fault: Fault
    script: str | None
    path: str | None
    times: int


class Proxy:
    """A context manager. `url`: where it listens, with the target's context path, without a trailing slash."""

    url: str

    def __init__(self, target: str, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        """``tls``: a server context with its certificate. ``host``: the loopback name in `url`."""
        self.target = urlsplit(target)
        self.seen: list[str] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://{host}:{self._server.server_address[1]}{self.target.path.rstrip('/')}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, fault: Fault, *, script: str | None = None, path: str | None = None, times: int = 10**6) -> None:
        """Apply a fault to the next `times` requests, or only to calls of one of our scripts, or to one path."""
        with self._lock:
            self._rules.append(_Rule(fault, script, path, times))

    def heal(self) -> None:
        """No faults from now on."""
        with self._lock:
            self._rules.clear()

    def take(self, path: str, body: bytes) -> Fault | None:
        """The fault for a request; records the request's script (or path) in `seen`."""
        script = script_of(body)
        with self._lock:
            self.seen.append(script or path)
            for rule in self._rules:
                if rule.times > 0 and rule.script in (None, script) and rule.path in (None, path):
                    rule.times -= 1
                    return rule.fault
        return None


def script_of(body: bytes) -> str | None:
    """The name of our script in the body of a request to the script console."""
    text = parse_qs(body.decode("latin-1")).get("script", [""])[0]
    found = re.search(r"new String\(\(([A-Za-z0-9+/=' ]+)\)\.decodeBase64", text)
    parts = re.findall("'([^']*)'", found[1]) if found else []
    return str(json.loads(base64.b64decode("".join(parts)))["script"]["name"]) if found else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore broken connections: they are the purpose of this proxy."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.server.proxy.take(self.path, body):
            case Reset():
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._hang_up()
            case Say(status, text, headers):
                self._answer(status, list(headers.items()), text.encode())
            case Lose():
                self._ask(body)
                self._hang_up()
            case Cut(after):
                status, headers, found = self._ask(body)
                self._answer(status, headers, found, after)
                self._hang_up()
            case Late(seconds, before):
                if before:
                    time.sleep(seconds)
                answer = self._ask(body)
                if not before:
                    time.sleep(seconds)
                self._answer(*answer)
            case _:
                self._answer(*self._ask(body))

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        target = self.server.proxy.target
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, after: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:after])
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()
        self.rfile.close()
        self.wfile.close()
