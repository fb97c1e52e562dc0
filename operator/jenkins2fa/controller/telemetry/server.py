"""A small HTTP server for /metrics, /healthz and /readyz. It only reads.

/healthz says whether this process still works. An API server or a controller that does not answer is no reason to restart it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from jenkins2fa.controller.queue import Depth
from jenkins2fa.kube.client import IN_CLUSTER

WATCH_SECONDS = 120.0  # the watches' event loop ticks every second; up to 30 s pass until it is started again
QUEUE_SECONDS = 300.0  # well above the slowest single reconcile
TEXT = "text/plain; charset=utf-8"
SECONDS = 10.0  # a client that sends slowly must not hold a thread for ever
Page = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Health:
    """``watches_idle``: seconds since the event loop of the watches ticked; ``reconciles_idle``: seconds since a reconcile began or ended;
    ``ended_threads``: names of threads that should run but have ended."""

    watches_idle: float
    reconciles_idle: float
    depth: Depth
    leading: bool
    synced: bool
    ended_threads: tuple[str, ...] = ()


ReadHealth = Callable[[], Health]


def problems(health: Health) -> list[str]:
    """Why the process should be restarted; empty = it works."""
    texts = [f"the thread {name} has ended" for name in health.ended_threads]
    if health.watches_idle > WATCH_SECONDS:
        texts.append(f"the watches have been stuck for {health.watches_idle:.0f} s")
    if health.leading and health.depth.due and health.reconciles_idle > QUEUE_SECONDS and health.depth.oldest > QUEUE_SECONDS:
        texts.append(f"no reconcile has begun or ended for {health.reconciles_idle:.0f} s, though {health.depth.due} are due")
    return texts


def readiness(health: Health) -> tuple[bool, str]:
    """Whether everything has been listed, and whether this replica leads."""
    if not health.synced:
        return False, "the first list is not complete yet"
    return True, "leads" if health.leading else "waits for the Lease"


def parse_place(text: str) -> tuple[str, int]:
    """Read HOST:PORT, :PORT or PORT. Without a host, it is every address in a pod, and loopback elsewhere. Raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or ("" if IN_CLUSTER in os.environ else "127.0.0.1")
    if not port.isascii() or not port.isdecimal() or not int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


class Server:
    """``place``: as :func:`parse_place` returns it; port 0 = any free port. Raises OSError when the port is taken."""

    def __init__(self, place: tuple[str, int], registry: CollectorRegistry, read_health: ReadHealth) -> None:
        pages: dict[str, Callable[[str], Page]] = {
            "/metrics": lambda accept: _metrics(registry, accept),
            "/healthz": lambda _: _health(read_health()),
            "/readyz": lambda _: _ready(read_health()),
        }
        kind = type("Listener", (_Listener,), {"address_family": socket.AF_INET6 if ":" in place[0] else socket.AF_INET})
        self._server = kind(place, _handler(pages))
        self._thread = threading.Thread(target=self._server.serve_forever, name="serving", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that disconnects is not worth a traceback."""


def _metrics(registry: CollectorRegistry, accept: str) -> Page:
    encode, kind = choose_encoder(accept)
    return 200, kind, encode(registry)


def _health(health: Health) -> Page:
    texts = problems(health)
    return (500, TEXT, "\n".join(texts).encode() + b"\n") if texts else (200, TEXT, b"ok\n")


def _ready(health: Health) -> Page:
    ready, text = readiness(health)
    return 200 if ready else 503, TEXT, f"{text}\n".encode()


def _handler(pages: dict[str, Callable[[str], Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version, sys_version = "jenkins-2fa-operator", ""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page(self.headers.get("Accept") or "") if page else (404, TEXT, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """A line for each scrape would be noise."""

    return Handler
