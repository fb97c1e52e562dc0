"""How hosts and namespaces share the workers: neither a dead host nor a greedy namespace holds up the others."""

from __future__ import annotations

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.queue import Kind, Limits, Requeue, Urgency, Work, WorkKey
from tests.support.queue_bench import QueueBench, key


@pytest.fixture
def bench() -> QueueBench:
    return QueueBench()


def test_one_reconcile_per_host_at_a_time(bench: QueueBench) -> None:
    for name in ("a-1", "a-2", "b-1"):
        bench.add(name)
    first = bench.take()
    assert first is not None
    assert first.key == key("a-1")
    assert bench.names() == ["b-1"]
    bench.queue.done(first)
    assert bench.names() == ["a-2"]


def test_reconciles_in_flight_are_limited() -> None:
    bench = QueueBench(Limits(workers=2))
    for name in "abc":
        bench.add(name)
    assert bench.names() == ["a", "b"]


def test_dead_hosts_leave_workers_for_the_others() -> None:
    bench = QueueBench(Limits(workers=8, breaker=2, base=0.1, cap=0.1, jitter=0.0))
    for number in range(20):
        bench.add(f"dead{number}-x")
    for _ in range(40):  # each dead host fails twice: from now on it is suspect
        bench.clock.now += 1
        bench.run(Requeue(back_off=True, host_failed=True))
    bench.clock.now += 1
    bench.add("alive-x")
    in_flight = bench.names()
    assert "alive-x" in in_flight
    assert len(in_flight) == bench.limits.suspects + 1


def of(namespace: str, name: str) -> WorkKey:
    return WorkKey(Kind.INSTANCE, Key(namespace, name))


def test_slow_hosts_of_one_namespace_leave_workers_for_others() -> None:
    """They answer eventually, so only the time for which they keep their workers distinguishes them."""
    bench = QueueBench(Limits(workers=8, jitter=0.0))
    for number in range(100):
        bench.queue.add(of("greedy", f"slow{number}-x"), Urgency.CHANGE)
    held = bench.names()
    assert 4 <= len(held) < 8
    bench.queue.add(of("modest", "mine-x"), Urgency.CLOCK)
    assert bench.names() == ["mine-x"], "at once, though many changes of the other have waited longer"


def test_namespaces_share_the_workers_evenly_in_the_long_run() -> None:
    bench = QueueBench(Limits(workers=16, jitter=0.0))
    in_flight: list[Work] = []
    for namespace, count in (("first", 200), ("second", 200), ("third", 200)):
        for number in range(count):
            bench.queue.add(of(namespace, f"{namespace}{number}-x"))
    for _ in range(150):
        while (work := bench.take()) is not None:
            in_flight.append(work)
        bench.queue.done(in_flight.pop(0))
    counts = [sum(work.key.key.namespace == one for work in in_flight) for one in ("first", "second", "third")]
    assert min(counts) >= 3
    assert sum(counts) >= 12


def test_a_single_namespace_is_not_delayed() -> None:
    for workers in (1, 2, 3):
        bench = QueueBench(Limits(workers=workers, jitter=0.0))
        for number in range(2 * workers):
            bench.add(f"a{number}-x")
        assert len(bench.names()) == workers
        assert bench.take() is None


def test_dead_hosts_of_one_namespace_do_not_delay_a_suspect_of_another() -> None:
    bench = QueueBench(Limits(workers=32, breaker=1, jitter=0.0))
    for namespace, names in (("greedy", range(40)), ("modest", range(1))):
        for number in names:
            bench.queue.add(of(namespace, f"{namespace}{number}-x"))
    for _ in range(41):
        bench.run(Requeue(after=1, host_failed=True))
    bench.clock.now += 1
    assert "modest0-x" in bench.names()


def test_a_host_that_answers_again_is_no_longer_suspect() -> None:
    bench = QueueBench(Limits(workers=4, breaker=1, jitter=0.0))
    for name in ("a-1", "b-1"):
        bench.add(name)
        bench.run(Requeue(after=1, host_failed=True))
    bench.clock.now += 1
    work = bench.take()
    assert work is not None
    assert bench.take() is None, "one of four workers is for suspects"
    bench.queue.done(work, Requeue(after=0))
    assert sorted(bench.names()) == ["a-1", "b-1"]
