"""The workers: reconciles run side by side, and one that fails is retried."""

from __future__ import annotations

import threading

from jenkins2fa.controller.queue import Limits, Requeue, Work, WorkQueue
from jenkins2fa.controller.workers import Workers
from tests.support.queue_bench import Clock, key


def test_workers_survive_and_retry_a_failed_reconcile() -> None:
    queue = WorkQueue(Clock(), lambda: 0.5, limits=Limits(base=0.0))
    seen: list[str] = []
    ended = threading.Event()

    def run(work: Work) -> Requeue:
        seen.append(work.key.key.name)
        if len(seen) == 1:
            raise ValueError("broken object")
        ended.set()
        return Requeue()

    workers = Workers(queue, run)
    workers.start()
    queue.add(key("one"))
    assert ended.wait(5)
    assert workers.stop(5)
    assert seen == ["one", "one"]


def test_workers_run_reconciles_concurrently() -> None:
    queue = WorkQueue(Clock(), lambda: 0.5)
    both = threading.Barrier(3)

    def run(_: Work) -> Requeue:
        both.wait(5)  # ends only while the other reconcile is running
        return Requeue()

    workers = Workers(queue, run)
    workers.start()
    queue.add(key("a"))
    queue.add(key("b"))
    both.wait(5)
    assert workers.stop(5)
