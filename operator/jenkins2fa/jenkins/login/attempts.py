"""Limits attempts at the second factor: one at a time, and none for a while after a refusal, so that no account gets locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jenkins2fa.jenkins.account import Credentials
from jenkins2fa.jenkins.errors import SecondFactorRejected

PAUSE_SECONDS = 600.0


class Attempts:
    """Shared by every session of one account at one controller; thread-safe. ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: tuple[Credentials | None, float, str] | None = None
        self._step: tuple[Credentials | None, int] | None = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Two concurrent log-ins of one account would get each other's questions."""
        with self._lock:
            yield

    def may_answer(self, credentials: Credentials | None) -> None:
        """Raises SecondFactorRejected while the last refusal of these credentials is less than ten minutes old."""
        if self._refused is None:
            return
        refused, at, message = self._refused
        if refused == credentials and self._clock() - at < PAUSE_SECONDS:
            raise SecondFactorRejected(message)

    def spend(self, credentials: Credentials | None, step: int) -> None:
        """Records that the code of a time step is used: each code is valid for one log-in (RFC 6238, 5.2)."""
        self._step = (credentials, step)

    def is_spent(self, credentials: Credentials | None, step: int) -> bool:
        return self._step == (credentials, step)

    def refuse(self, credentials: Credentials | None, message: str) -> SecondFactorRejected:
        """Records a refusal; returns the error to raise."""
        self._refused = (credentials, self._clock(), message)
        return SecondFactorRejected(message)

    def succeed(self) -> None:
        self._refused = None
