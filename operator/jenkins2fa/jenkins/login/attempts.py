"""How often the second factor is tried: never twice at once, and after a refusal not again for a while, so that no account is locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jenkins2fa.jenkins.account import Credentials
from jenkins2fa.jenkins.errors import SecondFactorRejected

PAUSE_SECONDS = 600.0


class Attempts:
    """Shared by every session of one account at one Jenkins; thread-safe. ``clock``: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: tuple[Credentials | None, float, str] | None = None
        self._step: tuple[Credentials | None, int] | None = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Two log-ins of one account would be shown each other's questions."""
        with self._lock:
            yield

    def may_answer(self, credentials: Credentials | None) -> None:
        """Raises SecondFactorRejected while the last refusal of these very credentials is less than ten minutes old."""
        if self._refused is None:
            return
        refused, at, message = self._refused
        if refused == credentials and self._clock() - at < PAUSE_SECONDS:
            raise SecondFactorRejected(message)

    def spend(self, credentials: Credentials | None, step: int) -> None:
        """Takes note that a one-time code of these credentials is sent: that of a time step is good for one log-in (RFC 6238, 5.2)."""
        self._step = (credentials, step)

    def is_spent(self, credentials: Credentials | None, step: int) -> bool:
        return self._step == (credentials, step)

    def refuse(self, credentials: Credentials | None, message: str) -> SecondFactorRejected:
        """Takes note of a refusal; returns the error to raise."""
        self._refused = (credentials, self._clock(), message)
        return SecondFactorRejected(message)

    def succeed(self) -> None:
        self._refused = None
