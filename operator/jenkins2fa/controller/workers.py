"""Runs reconciles: one thread hands out work, each reconcile has a thread of its own. Requests to a Jenkins block, Kopf's event loop
must not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jenkins2fa.controller.queue import Requeue, Work, WorkQueue

logger = logging.getLogger(__name__)

Reconcile = Callable[[Work], Requeue]


class Workers:
    """``run`` makes one reconcile. Threads are daemons: a Jenkins that does not answer must not hold up the end of the process."""

    def __init__(self, queue: WorkQueue, run: Reconcile) -> None:
        self._queue = queue
        self._run = run
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._hand_out, name="work-queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """Begin no further reconcile and wait for those in flight, at most ``patience`` seconds; whether all of them ended."""
        self._queue.stop()
        return self._queue.idle(patience)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def still_for(self) -> float:
        """Seconds since a reconcile began or ended."""
        return time.monotonic() - self._moved

    def _hand_out(self) -> None:
        while (work := self._queue.take()) is not None:
            self._moved = time.monotonic()
            threading.Thread(target=self._pass, args=(work,), name=str(work.key), daemon=True).start()

    def _pass(self, work: Work) -> None:
        requeue = Requeue(back_off=True)
        try:
            requeue = self._run(work)
        except Exception as error:  # the last resort: one broken object must not stop the others
            logger.exception("%s: the pass failed unexpectedly (%s); it is tried again", work.key, type(error).__name__)
        finally:
            self._moved = time.monotonic()
            self._queue.done(work, requeue)
