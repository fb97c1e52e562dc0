"""Loopback ports that never reply: one accepts no connection, one accepts it and stays silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class BlackHole:
    """A port whose connection queue is full, so Linux drops further attempts to connect."""

    def __init__(self) -> None:
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(0)
        self._fillers: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._server.getsockname())
            self._fillers.append(filler)
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        for one in (*self._fillers, self._server):
            one.close()


class Stalling:
    """A port that accepts and never replies. `asked` is set once somebody has connected."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._held: list[socket.socket] = []
        self.asked = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for one in self._held:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._held.append(connection)
                self.asked.set()


class ManyAddresses:
    """One server under many loopback addresses (from 127.0.1.1 on); connections are forwarded to it."""

    def __init__(self, target: str, count: int) -> None:
        """`target` is an address with port, as in `127.0.0.1:8080`."""
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listening = [socket.create_server((f"127.0.1.{number + 1}", 0), backlog=16) for number in range(count)]
        self.urls = [f"http://{one.getsockname()[0]}:{one.getsockname()[1]}" for one in self._listening]

    def __enter__(self) -> Self:
        for one in self._listening:
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        for one in self._listening:
            one.close()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._target)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
