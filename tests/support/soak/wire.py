"""A TCP wire between two programs, on loopback, that can be cut, reset, stalled, slowed, or lose what comes back."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from enum import Enum
from types import TracebackType
from typing import Self

PIECE = 65536
LINGER_OFF = struct.pack("ii", 1, 0)  # close() sends a reset


class Mode(Enum):
    """What happens to data from now on."""

    OPEN = "open"
    REFUSED = "refused"  # new connections are closed at once, old ones too
    RESET = "reset"  # the same with a TCP reset
    STALLED = "stalled"  # connections stay open, nothing passes in either direction
    SLOW = "slow"  # each piece waits for `amount` seconds
    CUT = "cut"  # a connection ends after `amount` bytes of answers
    DEAF = "deaf"  # requests pass and are carried out, answers are lost and the connection ends


class Wire:
    """``port`` is where to connect to instead of the target; a context manager. What is held back passes when the mode is left."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._mode, self._amount = Mode.OPEN, 0.0
        self._turned = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._ended = False
        threading.Thread(target=self._accept, name="wire", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        self._listener.close()
        self.turn(Mode.REFUSED)

    def turn(self, mode: Mode, amount: float = 0.0) -> None:
        """From now on ``mode``; ``amount``: seconds of SLOW, bytes of CUT."""
        with self._turned:
            self._mode, self._amount = mode, amount
            doomed = list(self._open) if mode in (Mode.REFUSED, Mode.RESET) else []
            self._turned.notify_all()
        for end in doomed:
            self._end(end, reset=mode is Mode.RESET)

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        if self._mode in (Mode.REFUSED, Mode.RESET):
            self._end(client, reset=self._mode is Mode.RESET)
            client.close()
            return
        try:
            server = socket.create_connection(self._target, 5)
        except OSError:
            client.close()
            return
        with client, server:
            server.settimeout(None)
            with self._turned:
                self._open |= {client, server}
            back = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
            back.start()
            self._pump(client, server, False)
            back.join()
            with self._turned:
                self._open -= {client, server}

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(PIECE):
                self._hold(source)
                if answers and self._mode is Mode.DEAF:
                    break
                if answers and self._mode is Mode.CUT:
                    data = data[: max(0, int(self._amount) - passed)]
                    sink.sendall(data)
                    break
                sink.sendall(data)
                passed += len(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _hold(self, source: socket.socket) -> None:
        """Wait as the mode requires, but no longer than the mode lasts."""
        with self._turned:
            if self._mode is Mode.SLOW:
                self._turned.wait_for(lambda: self._mode is not Mode.SLOW, self._amount)
            while self._mode is Mode.STALLED:
                self._turned.wait(1)
                if select.select([source], [], [], 0)[0] and not source.recv(1, socket.MSG_PEEK):
                    raise OSError("the sender has gone")

    def _end(self, end: socket.socket, *, reset: bool) -> None:
        with contextlib.suppress(OSError):
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
            else:
                end.shutdown(socket.SHUT_RDWR)
        if reset:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # wakes its reader, which closes it: that sends the reset
