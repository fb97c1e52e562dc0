"""A loopback server that replies to each request with the given bytes."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Asked:
    """One received request."""

    head: str
    body: bytes

    @property
    def script(self) -> dict[str, Any]:
        """The input of the script in the request (nonce, name, values); empty if there is no script."""
        text = parse_qs(self.body.decode("latin-1")).get("script", [""])[0]
        found = re.search(r"new String\(\(([A-Za-z0-9+/=' ]+)\)\.decodeBase64", text)
        read: dict[str, Any] = json.loads(base64.b64decode("".join(re.findall("'([^']*)'", found[1])))) if found else {}
        return read


class RawServer:
    """A context manager; `url` ends with a slash. The connection stays open after a reply; `answer` returns None to close it."""

    def __init__(self, answer: Callable[[Asked], bytes | None]) -> None:
        self.answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream, contextlib.suppress(OSError, ValueError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while asked := _read(stream):
                answer = self.answer(asked)
                if answer is None:
                    return
                client.sendall(answer)
                if b"Content-Length" not in answer:
                    return


def _read(stream: Any) -> Asked | None:
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1"))
    if not lines:
        return None
    head = "".join(lines)
    length = re.search(r"(?im)^content-length: *(\d+)", head)
    return Asked(head, stream.read(int(length[1])) if length else b"")
