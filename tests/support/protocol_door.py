"""A TCP proxy between the operator and Jenkins that can be shut, or can forward requests and withhold the replies."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Rule(Enum):
    """What happens to new requests."""

    OPEN = "open"
    SHUT = "shut"  # connections are closed, before anything reaches Jenkins
    SILENT = "silent"  # Jenkins carries the request out; the reply never arrives


class Door:
    """``url``: Jenkins through the proxy, without a trailing slash. ``answered`` is set whenever a reply was withheld."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.rule = Rule.OPEN
        self._losses = 0
        self.answered = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()

    def turn(self, rule: Rule) -> None:
        self.answered.clear()
        self._losses = 0
        self.rule = rule

    def lose_one(self) -> None:
        """Lose the next reply and its connection."""
        self._losses = 1

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.rule is Rule.SHUT:
                return
            with socket.create_connection(self._target, 5) as server:
                server.settimeout(None)
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                self._pump(server, client, True)
            client.settimeout(1)
            while client.recv(65536):  # closing it with unread data would reset it, and lose the last reply
                pass

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        """End of data on one side ends the other; what the rule cuts off ends on both."""
        ending = [sink]
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.rule is Rule.SHUT:
                    ending.append(source)
                    break
                if answers and (self.rule is Rule.SILENT or self._losses):
                    self._losses = 0
                    self.answered.set()
                    ending.append(source)
                    break
                sink.sendall(data)
        for end in ending:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)
