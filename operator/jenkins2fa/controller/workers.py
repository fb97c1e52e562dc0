"""Runs reconciles: one thread hands out work, and each reconcile has a thread of its own, since requests to Jenkins block."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jenkins2fa.controller.aggregate import BreakGlassReconciler, PolicyReconciler
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.reconcile import InstanceReconciler
from jenkins2fa.controller.queue import Kind, Requeue, Work, WorkQueue
from jenkins2fa.kube.client import Forbidden, KubernetesError, NoConnection

logger = logging.getLogger(__name__)

Reconcile = Callable[[Work], Requeue]


def reconcilers(context: Context) -> Reconcile:
    """The reconcile for a key of any kind. One that the API server did not let finish is retried."""
    policies = PolicyReconciler(context)
    break_glasses = BreakGlassReconciler(context)
    instances = InstanceReconciler(context, policies, break_glasses)
    by_kind: dict[Kind, Reconcile] = {
        Kind.INSTANCE: instances.run,
        Kind.POLICY: policies.run,
        Kind.BREAK_GLASS: break_glasses.run,
    }

    def run(work: Work) -> Requeue:
        if not context.leading():
            return Requeue(after=1.0, urgency=work.urgency)
        begun, result = context.clock(), "crashed"
        try:
            requeue = by_kind[work.key.kind](work)
            result = "retried" if requeue.back_off else "done"
            return requeue
        except (KubernetesError, NoConnection) as error:
            result = "unavailable"
            level = logging.WARNING if isinstance(error, Forbidden) else logging.DEBUG
            logger.log(level, "%s: %s", work.key, error)
            return Requeue(after=getattr(error, "retry_after", None), back_off=True, cap=30.0, urgency=work.urgency)
        finally:
            context.metrics.reconciled(work, result, context.clock() - begun)

    return run


class Workers:
    """``run`` makes one reconcile. The threads are daemons, so that a controller that does not answer cannot delay the process's end."""

    def __init__(self, queue: WorkQueue, run: Reconcile) -> None:
        self._queue = queue
        self._run = run
        self._last_activity = time.monotonic()
        self._thread = threading.Thread(target=self._hand_out, name="work-queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Begin no further reconcile, and wait at most ``timeout`` seconds for those in flight. Returns whether all of them ended."""
        self._queue.stop()
        return self._queue.idle(timeout)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def idle_for(self) -> float:
        """Seconds since a reconcile began or ended."""
        return time.monotonic() - self._last_activity

    def _hand_out(self) -> None:
        while (work := self._queue.take()) is not None:
            self._last_activity = time.monotonic()
            threading.Thread(target=self._reconcile, args=(work,), name=str(work.key), daemon=True).start()

    def _reconcile(self, work: Work) -> None:
        requeue = Requeue(back_off=True)
        try:
            requeue = self._run(work)
        except Exception as error:  # the last resort: one broken object must not stop the others
            logger.exception("%s: the reconcile failed unexpectedly (%s); retrying", work.key, type(error).__name__)
        finally:
            self._last_activity = time.monotonic()
            self._queue.done(work, requeue)
