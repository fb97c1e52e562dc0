"""A proxy between the operator and the API server that injects faults and counts requests.

with KubeFaults(kube) as faults:
    operator.kubeconfig = faults.kubeconfig(operator.kubeconfig)
    faults.fault(Answer(409), status_writes, times=3)      # the next three writes of a status are refused
    faults.stall_watches()                                 # open watches stay open and fall silent

It speaks plain HTTP to the operator (on loopback) and passes its token on; the real API server behind it decides.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.kube import KubeServer
from tests.support.kube_fault_kinds import Answer, Cut, Fault, Gone, Lose, Request, Slow, Which, everything, watches

HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "host", "accept-encoding")
REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass(slots=True)
class _Rule:
    fault: Fault
    which: Which
    times: int


class KubeFaults:
    """A context manager. `seen`: every request of the operator, in order. `refused`: those that met a fault since the last `heal`."""

    def __init__(self, kube: KubeServer, page: int | None = None) -> None:
        """``page``: the largest number of objects in a page of a list, regardless of the request."""
        self.target, self.page = urlsplit(kube.url), page
        self.seen: list[Request] = []
        self.refused: list[Request] = []
        self.streams: list[_Stream] = []
        self._folder, self._rules = kube.folder, list[_Rule]()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.faults = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.end_watches()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(self, of: Path) -> Path:
        """A copy of a kubeconfig that uses this proxy, in the API server's folder."""
        config = json.loads(of.read_text())
        config["clusters"][0]["cluster"] = {"server": self.url}
        path = self._folder / f"faults-{self._server.server_address[1]}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    # --- what goes wrong ---

    def fault(self, fault: Fault, which: Which = everything, *, times: int = 10**6) -> None:
        """Apply a fault to the next `times` requests of this kind."""
        with self._lock:
            self._rules.append(_Rule(fault, which, times))

    def heal(self) -> None:
        """No faults from now on; stalled streams stay stalled."""
        with self._lock:
            self._rules.clear()
            self.refused = []

    @property
    def hits(self) -> int:
        """How many requests a fault has met since the last `heal`."""
        return len(self.refused)

    def stall_watches(self) -> int:
        """Stall every open watch of our custom resources, as behind a load balancer that lost its state. Returns their number."""
        with self._lock:
            open_now = [stream for stream in self.streams if watches(stream.request)]
        for stream in open_now:
            stream.silent = True
        return len(open_now)

    def end_watches(self) -> None:
        """Every open watch is cut off."""
        with self._lock:
            open_now = list(self.streams)
        for stream in open_now:
            stream.end()

    # --- what was seen ---

    def count(self, which: Which, since: float = 0.0) -> int:
        """How many requests of this kind there were since a moment of the monotonic clock."""
        with self._lock:
            return sum(1 for one in self.seen if one.at >= since and which(one))

    def take(self, request: Request) -> Fault | None:
        """Record a request, and return its fault."""
        with self._lock:
            self.seen.append(request)
            for rule in self._rules:
                if rule.times > 0 and rule.which(request):
                    rule.times -= 1
                    self.refused.append(request)
                    return rule.fault
        return None

    @contextlib.contextmanager
    def stream(self, request: Request, connection: http.client.HTTPConnection) -> Iterator[_Stream]:
        opened = _Stream(request, connection)
        with self._lock:
            self.streams.append(opened)
        try:
            yield opened
        finally:
            with self._lock:
                self.streams.remove(opened)


@dataclass(slots=True, eq=False)
class _Stream:
    """A watch that is being forwarded."""

    request: Request
    connection: http.client.HTTPConnection
    silent: bool = False

    def end(self) -> None:
        """Close the API server's side, so that readers reach the end."""
        if self.connection.sock is not None:
            with contextlib.suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    faults: KubeFaults

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore broken connections: they are the purpose of this proxy."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        request = Request(self.command, target.path, query, time.monotonic())
        match self.server.faults.take(request):
            case Answer(status, headers, message):
                self._send(status, {**headers, "Content-Type": "application/json"}, _status(status, message))
            case Gone():
                self._send(
                    200, {"Content-Type": "application/json"}, _line({"type": "ERROR", "object": json.loads(_status(410, "too old"))})
                )
            case Lose():
                if not request.watches:  # a watch has no end to wait for
                    self._ask(body)
                self._hang_up()
            case Cut(after):
                self._pass_on(request, body, cut=after)
            case Slow(seconds):
                self._pass_on(request, body, delay=seconds)
            case _:
                self._pass_on(request, body)

    def _pass_on(self, request: Request, body: bytes, *, cut: int | None = None, delay: float = 0.0) -> None:
        connection, answer = self._open(body)
        with contextlib.closing(connection):
            if request.watches and answer.status == 200:
                time.sleep(delay)
                with self.server.faults.stream(request, connection) as stream, contextlib.suppress(OSError, http.client.HTTPException):
                    self._follow(stream, answer, cut)
                self._hang_up()
                return
            headers, content = dict(answer.getheaders()), answer.read()
            time.sleep(delay)
            self._send(answer.status, headers, content, cut)

    def _follow(self, stream: _Stream, answer: http.client.HTTPResponse, cut: int | None) -> None:
        """Forward a stream until either side ends it."""
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        assert stream.connection.sock is not None
        stream.connection.sock.settimeout(None)
        left = 10**9 if cut is None else cut
        while left > 0 and (data := answer.read1(65536)):
            if stream.silent:
                continue
            data = data[:left]
            left -= len(data)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        if left > 0:
            self.wfile.write(b"0\r\n\r\n")  # a regular end

    def _open(self, body: bytes) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        target = self.server.faults.target
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the API server of the tests, on loopback
        connection = http.client.HTTPSConnection(target.hostname or "", target.port, timeout=60, context=context)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self._paged(self.path), body or None, headers)
        return connection, connection.getresponse()

    def _paged(self, path: str) -> str:
        page = self.server.faults.page
        return path if page is None else path.replace("limit=500", f"limit={page}")

    def _ask(self, body: bytes) -> None:
        connection, answer = self._open(body)
        with contextlib.closing(connection):
            answer.read()

    def _send(self, status: int, headers: Mapping[str, str], content: bytes, cut: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])
        self.wfile.flush()
        if cut is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def _status(code: int, message: str) -> bytes:
    reason = REASONS.get(code, "Unknown")
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code, "metadata": {}}
    return json.dumps(status).encode()


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
