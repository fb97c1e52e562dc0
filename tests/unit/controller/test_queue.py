"""The work queue under a clock that only the test moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.queue import NEVER, Kind, Limits, Requeue, Urgency, Work, WorkKey, WorkQueue
from jenkins2fa.controller.workers import Workers


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """A queue whose keys `host-name` keep the lane `host` busy; keys without a dash keep none."""

    limits: Limits = field(default_factory=lambda: Limits(workers=8, jitter=0.0))
    clock: Clock = field(default_factory=Clock)
    draw: float = 0.5

    def __post_init__(self) -> None:
        self.queue = WorkQueue(self.clock, lambda: self.draw, lane_of, self.limits)

    def add(self, name: str, urgency: Urgency = Urgency.CLOCK, after: float = 0.0) -> None:
        self.queue.add(key(name), urgency, after)

    def take(self) -> Work | None:
        return self.queue.take(block=False)

    def names(self) -> list[str]:
        """Names of everything that can be taken now, in order; all of it stays in flight."""
        found = []
        while (work := self.take()) is not None:
            found.append(work.key.key.name)
        return found

    def run(self, requeue: Requeue = NEVER) -> str | None:
        work = self.take()
        if work is None:
            return None
        self.queue.done(work, requeue)
        return work.key.key.name


def key(name: str) -> WorkKey:
    return WorkKey(Kind.INSTANCE, Key("team", name))


def lane_of(work_key: WorkKey) -> str | None:
    host, dash, _ = work_key.key.name.partition("-")
    return host if dash else None


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_key_is_queued_once(bench: Bench) -> None:
    for _ in range(3):
        bench.add("one")
    assert bench.names() == ["one"]


def test_same_name_of_both_kinds_is_two_keys(bench: Bench) -> None:
    bench.add("one")
    bench.queue.add(WorkKey(Kind.POLICY, Key("team", "one")))
    assert len(bench.names()) == 2


def test_changes_come_before_drift_before_the_clock(bench: Bench) -> None:
    bench.add("clock", Urgency.CLOCK)
    bench.add("drift", Urgency.DRIFT)
    bench.add("change", Urgency.CHANGE)
    assert bench.names() == ["change", "drift", "clock"]


def test_among_equals_the_one_that_waited_longest_comes_first(bench: Bench) -> None:
    bench.add("late", after=2)
    bench.add("early", after=1)
    bench.clock.now += 3
    assert bench.names() == ["early", "late"]


def test_delayed_key_runs_when_its_time_has_come_and_not_before(bench: Bench) -> None:
    bench.add("one", after=30)
    bench.clock.now += 29.9
    assert bench.take() is None
    bench.clock.now += 0.1
    assert bench.names() == ["one"]


def test_change_runs_a_delayed_key_at_once_and_only_once(bench: Bench) -> None:
    bench.add("one", after=30)
    bench.add("one", Urgency.CHANGE)
    assert bench.run() == "one"
    bench.clock.now += 60
    assert bench.take() is None


def test_later_request_does_not_put_off_an_earlier_one(bench: Bench) -> None:
    bench.add("one", after=5)
    bench.add("one", after=50)
    bench.clock.now += 5
    assert bench.names() == ["one"]


def test_key_that_comes_in_during_its_pass_runs_again_afterwards(bench: Bench) -> None:
    bench.add("one")
    work = bench.take()
    assert work is not None
    bench.add("one", Urgency.CHANGE)
    assert bench.take() is None
    bench.queue.done(work, Requeue(after=30))
    again = bench.take()
    assert again is not None
    assert again.urgency is Urgency.CHANGE


def test_pass_without_requeue_is_the_last(bench: Bench) -> None:
    bench.add("one")
    assert bench.run() == "one"
    bench.clock.now += 10_000
    assert bench.take() is None


def test_back_off_doubles_up_to_its_cap_and_starts_anew_after_a_success() -> None:
    bench = Bench(Limits(base=1.0, cap=10.0, jitter=0.0))
    bench.add("one")
    delays = []
    for requeue in [Requeue(back_off=True)] * 6 + [Requeue(after=30.0), Requeue(back_off=True)]:
        assert bench.run(requeue) == "one"
        delays.append(time_until_due(bench))
    assert delays == [1, 2, 4, 8, 10, 10, 30, 1]


def time_until_due(bench: Bench) -> float:
    waited = 0.0
    while bench.queue.depth().due == 0:
        bench.clock.now += 0.5
        waited += 0.5
    return waited


def test_change_forgets_the_failures_before_it(bench: Bench) -> None:
    bench.add("one")
    for _ in range(5):
        bench.run(Requeue(back_off=True))
        bench.clock.now += 1000
    bench.add("one", Urgency.CHANGE)
    work = bench.take()
    assert work is not None
    assert work.failures == 0


@pytest.mark.parametrize(("draw", "delay"), [(0.0, 8.0), (0.5, 10.0), (1.0, 12.0)])
def test_jitter_spreads_the_back_off(draw: float, delay: float) -> None:
    bench = Bench(Limits(base=10.0, jitter=0.2), draw=draw)
    bench.add("one")
    bench.run(Requeue(back_off=True))
    assert time_until_due(bench) == pytest.approx(delay, abs=0.5)


@pytest.mark.parametrize(("draw", "delay"), [(0.0, 30.0), (1.0, 36.0)])
def test_back_off_is_no_shorter_than_it_was_asked_to_be(draw: float, delay: float) -> None:
    """And never at one moment for all who were sent away together."""
    bench = Bench(Limits(base=1.0, jitter=0.2), draw=draw)
    bench.add("one")
    bench.run(Requeue(after=30.0, back_off=True))
    assert time_until_due(bench) == pytest.approx(delay, abs=0.5)


def test_longer_back_off_counts_more_than_what_was_asked_for() -> None:
    bench = Bench(Limits(base=64.0, jitter=0.0))
    bench.add("one")
    bench.run(Requeue(after=5.0, back_off=True, cap=100.0))
    assert time_until_due(bench) == 64


def test_one_pass_a_host_at_a_time(bench: Bench) -> None:
    for name in ("a-1", "a-2", "b-1"):
        bench.add(name)
    first = bench.take()
    assert first is not None
    assert first.key == key("a-1")
    assert bench.names() == ["b-1"]
    bench.queue.done(first)
    assert bench.names() == ["a-2"]


def test_passes_in_flight_are_limited() -> None:
    bench = Bench(Limits(workers=2))
    for name in "abc":
        bench.add(name)
    assert bench.names() == ["a", "b"]


def test_dead_hosts_leave_workers_for_the_others() -> None:
    bench = Bench(Limits(workers=8, breaker=2, base=0.1, cap=0.1, jitter=0.0))
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


def test_slow_hosts_of_one_namespace_leave_workers_for_another() -> None:
    """They answer in the end, so nothing tells them from good ones but that they hold their workers."""
    bench = Bench(Limits(workers=8, jitter=0.0))
    for number in range(100):
        bench.queue.add(of("greedy", f"slow{number}-x"), Urgency.CHANGE)
    held = bench.names()
    assert 4 <= len(held) < 8
    bench.queue.add(of("modest", "mine-x"), Urgency.CLOCK)
    assert bench.names() == ["mine-x"], "at once, though many changes of the other have waited longer"


def test_namespaces_divide_the_workers_evenly_in_the_long_run() -> None:
    bench = Bench(Limits(workers=16, jitter=0.0))
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


def test_a_namespace_without_rivals_is_not_held_up() -> None:
    for workers in (1, 2, 3):
        bench = Bench(Limits(workers=workers, jitter=0.0))
        for number in range(2 * workers):
            bench.add(f"a{number}-x")
        assert len(bench.names()) == workers
        assert bench.take() is None


def test_dead_hosts_of_one_namespace_do_not_hold_up_a_suspect_of_another() -> None:
    bench = Bench(Limits(workers=32, breaker=1, jitter=0.0))
    for namespace, names in (("greedy", range(40)), ("modest", range(1))):
        for number in names:
            bench.queue.add(of(namespace, f"{namespace}{number}-x"))
    for _ in range(41):
        bench.run(Requeue(after=1, host_failed=True))
    bench.clock.now += 1
    assert "modest0-x" in bench.names()


def test_host_that_answers_again_is_no_suspect_any_more() -> None:
    bench = Bench(Limits(workers=4, breaker=1, jitter=0.0))
    for name in ("a-1", "b-1"):
        bench.add(name)
        bench.run(Requeue(after=1, host_failed=True))
    bench.clock.now += 1
    work = bench.take()
    assert work is not None
    assert bench.take() is None, "one of four workers is for suspects"
    bench.queue.done(work, Requeue(after=0))
    assert sorted(bench.names()) == ["a-1", "b-1"]


def test_paused_queue_hands_out_nothing_and_keeps_all(bench: Bench) -> None:
    bench.queue.pause()
    bench.add("one")
    assert bench.take() is None
    bench.queue.resume()
    assert bench.names() == ["one"]


def test_depth_tells_what_waits_and_how_long(bench: Bench) -> None:
    bench.add("a")
    bench.add("b", after=5)
    bench.add("c", after=100)
    bench.clock.now += 8
    assert bench.run() == "a"
    depth = bench.queue.depth()
    assert (depth.due, depth.delayed, depth.running, depth.oldest) == (1, 1, 0, 3)


def test_work_tells_how_long_it_waited(bench: Bench) -> None:
    bench.add("a")
    bench.clock.now += 4
    work = bench.take()
    assert work is not None
    assert work.waited == 4


def test_stop_releases_whoever_waits(bench: Bench) -> None:
    taken: list[Work | None] = []
    thread = threading.Thread(target=lambda: taken.append(bench.queue.take()))
    thread.start()
    bench.queue.stop()
    thread.join(5)
    assert taken == [None]


def test_workers_survive_a_pass_that_fails_and_try_it_again() -> None:
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


def test_workers_run_passes_side_by_side() -> None:
    queue = WorkQueue(Clock(), lambda: 0.5)
    both = threading.Barrier(3)

    def run(_: Work) -> Requeue:
        both.wait(5)  # only ends when the other pass is there at the same time
        return Requeue()

    workers = Workers(queue, run)
    workers.start()
    queue.add(key("a"))
    queue.add(key("b"))
    both.wait(5)
    assert workers.stop(5)


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "done", "again", "tick"]), st.integers(0, 4)), max_size=60))
def test_no_key_is_lost_or_run_twice_at_a_time(steps: list[tuple[str, int]]) -> None:
    bench = Bench(Limits(workers=2, jitter=0.0))
    wanted: set[str] = set()
    in_flight: dict[str, Work] = {}
    for step, number in steps:
        name = f"{'ab'[number % 2]}-{number}"
        if step == "add":
            bench.add(name)
            wanted.add(name)
        elif step == "take" and (work := bench.take()) is not None:
            taken = work.key.key.name
            assert taken not in in_flight
            assert lane_of(work.key) not in {lane_of(one.key) for one in in_flight.values()}
            in_flight[taken] = work
            wanted.discard(taken)
        elif step in ("done", "again") and in_flight:
            ended, work = in_flight.popitem()
            bench.queue.done(work, Requeue(after=5.0) if step == "again" else Requeue())
            wanted.update({ended} if step == "again" else ())
        elif step == "tick":
            bench.clock.now += 3
    for work in in_flight.values():
        bench.queue.done(work)
    bench.clock.now += 100
    left = set()
    while (name_left := bench.run()) is not None:
        left.add(name_left)
    assert left == wanted
