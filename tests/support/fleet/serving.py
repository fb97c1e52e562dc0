"""One fake over real connections, within this process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.fleet.jenkins import FakeJenkins
from tests.support.managed import Managed


@contextlib.contextmanager
def served() -> Iterator[tuple[Managed, FakeJenkins]]:
    """A fake, and the operator's connection to it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = fake.answer(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            data = reply.text.encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_address[1]}"
    fake = FakeJenkins(url + "/", lambda: int(time.time() * 1000))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Managed(url, "admin", "token"), fake
    finally:
        server.shutdown()
        server.server_close()
