"""A small HTTP server for /metrics, /healthz and /readyz. It only reads.

/healthz says whether this process still works. An API server or a Jenkins that does not answer is no reason to restart it.
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

WATCH_SECONDS = 120.0  # the watches' event loop turns every second; between two lives of it up to 30 s go by
QUEUE_SECONDS = 300.0  # the slowest single pass is well below
TEXT = "text/plain; charset=utf-8"
SECONDS = 10.0  # a reader that drips must not hold a thread for ever
Page = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Signs:
    """Seconds since the watches' loop turned and since a reconcile began or ended; ``threads``: names of those that have died."""

    watches: float
    passes: float
    depth: Depth
    leading: bool
    synced: bool
    threads: tuple[str, ...] = ()


Look = Callable[[], Signs]


def problems(signs: Signs) -> list[str]:
    """Why the process should be restarted; empty = it is well."""
    found = [f"the thread {name} has ended" for name in signs.threads]
    if signs.watches > WATCH_SECONDS:
        found.append(f"the watches have stood still for {signs.watches:.0f} s")
    if signs.leading and signs.depth.due and signs.passes > QUEUE_SECONDS and signs.depth.oldest > QUEUE_SECONDS:
        found.append(f"no pass has begun or ended for {signs.passes:.0f} s, though {signs.depth.due} are due")
    return found


def readiness(signs: Signs) -> tuple[bool, str]:
    """Whether everything has been listed, and what this replica does."""
    if not signs.synced:
        return False, "nothing has been listed yet"
    return True, "leads" if signs.leading else "waits for the Lease"


def parse_place(text: str) -> tuple[str, int]:
    """HOST:PORT, :PORT or PORT; without a host it is loopback outside a cluster, and everything in a pod. Raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or ("" if IN_CLUSTER in os.environ else "127.0.0.1")
    if not port.isascii() or not port.isdecimal() or not int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


class Server:
    """``place`` as :func:`parse_place` gives it; port 0 = any that is free. Raises OSError when it is taken."""

    def __init__(self, place: tuple[str, int], registry: CollectorRegistry, look: Look) -> None:
        pages: dict[str, Callable[[str], Page]] = {
            "/metrics": lambda accept: _metrics(registry, accept),
            "/healthz": lambda _: _health(look),
            "/readyz": lambda _: _ready(look),
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
        """A reader that went away is not worth a traceback."""


def _metrics(registry: CollectorRegistry, accept: str) -> Page:
    encode, kind = choose_encoder(accept)
    return 200, kind, encode(registry)


def _health(look: Look) -> Page:
    found = problems(look())
    return (500, TEXT, "\n".join(found).encode() + b"\n") if found else (200, TEXT, b"ok\n")


def _ready(look: Look) -> Page:
    ready, text = readiness(look())
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
