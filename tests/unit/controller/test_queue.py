"""The work queue: order, urgency, delays and back-off."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.queue import Kind, Limits, Requeue, Urgency, Work, WorkKey
from tests.support.queue_bench import QueueBench, lane_of


@pytest.fixture
def bench() -> QueueBench:
    return QueueBench()


def test_a_key_is_queued_once(bench: QueueBench) -> None:
    for _ in range(3):
        bench.add("one")
    assert bench.names() == ["one"]


def test_one_name_in_two_custom_resources_is_two_keys(bench: QueueBench) -> None:
    bench.add("one")
    bench.queue.add(WorkKey(Kind.POLICY, Key("team", "one")))
    assert len(bench.names()) == 2


def test_changes_come_before_drift_and_drift_before_timers(bench: QueueBench) -> None:
    bench.add("clock", Urgency.CLOCK)
    bench.add("drift", Urgency.DRIFT)
    bench.add("change", Urgency.CHANGE)
    assert bench.names() == ["change", "drift", "clock"]


def test_equally_urgent_keys_are_ordered_by_waiting_time(bench: QueueBench) -> None:
    bench.add("late", after=2)
    bench.add("early", after=1)
    bench.clock.now += 3
    assert bench.names() == ["early", "late"]


def test_a_delayed_key_does_not_run_early(bench: QueueBench) -> None:
    bench.add("one", after=30)
    bench.clock.now += 29.9
    assert bench.take() is None
    bench.clock.now += 0.1
    assert bench.names() == ["one"]


def test_a_change_runs_a_delayed_key_at_once_and_only_once(bench: QueueBench) -> None:
    bench.add("one", after=30)
    bench.add("one", Urgency.CHANGE)
    assert bench.run() == "one"
    bench.clock.now += 60
    assert bench.take() is None


def test_a_later_request_does_not_postpone_an_earlier_one(bench: QueueBench) -> None:
    bench.add("one", after=5)
    bench.add("one", after=50)
    bench.clock.now += 5
    assert bench.names() == ["one"]


def test_a_key_added_during_its_reconcile_runs_again_afterwards(bench: QueueBench) -> None:
    bench.add("one")
    work = bench.take()
    assert work is not None
    bench.add("one", Urgency.CHANGE)
    assert bench.take() is None
    bench.queue.done(work, Requeue(after=30))
    again = bench.take()
    assert again is not None
    assert again.urgency is Urgency.CHANGE


def test_a_reconcile_without_requeue_is_the_last(bench: QueueBench) -> None:
    bench.add("one")
    assert bench.run() == "one"
    bench.clock.now += 10_000
    assert bench.take() is None


def test_back_off_doubles_up_to_its_cap_and_starts_again_after_a_success() -> None:
    bench = QueueBench(Limits(base=1.0, cap=10.0, jitter=0.0))
    bench.add("one")
    delays = []
    for requeue in [Requeue(back_off=True)] * 6 + [Requeue(after=30.0), Requeue(back_off=True)]:
        assert bench.run(requeue) == "one"
        delays.append(time_until_due(bench))
    assert delays == [1, 2, 4, 8, 10, 10, 30, 1]


def time_until_due(bench: QueueBench) -> float:
    waited = 0.0
    while bench.queue.depth().due == 0:
        bench.clock.now += 0.5
        waited += 0.5
    return waited


def test_a_change_resets_the_back_off(bench: QueueBench) -> None:
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
    bench = QueueBench(Limits(base=10.0, jitter=0.2), draw=draw)
    bench.add("one")
    bench.run(Requeue(back_off=True))
    assert time_until_due(bench) == pytest.approx(delay, abs=0.5)


@pytest.mark.parametrize(("draw", "delay"), [(0.0, 30.0), (1.0, 36.0)])
def test_back_off_is_at_least_the_requested_time(draw: float, delay: float) -> None:
    """Keys with the same requested time do not all come back at the same moment."""
    bench = QueueBench(Limits(base=1.0, jitter=0.2), draw=draw)
    bench.add("one")
    bench.run(Requeue(after=30.0, back_off=True))
    assert time_until_due(bench) == pytest.approx(delay, abs=0.5)


def test_a_longer_back_off_overrides_the_requested_time() -> None:
    bench = QueueBench(Limits(base=64.0, jitter=0.0))
    bench.add("one")
    bench.run(Requeue(after=5.0, back_off=True, cap=100.0))
    assert time_until_due(bench) == 64


def test_a_paused_queue_hands_out_nothing_and_keeps_everything(bench: QueueBench) -> None:
    bench.queue.pause()
    bench.add("one")
    assert bench.take() is None
    bench.queue.resume()
    assert bench.names() == ["one"]


def test_depth_reports_waiting_keys_and_their_age(bench: QueueBench) -> None:
    bench.add("a")
    bench.add("b", after=5)
    bench.add("c", after=100)
    bench.clock.now += 8
    assert bench.run() == "a"
    depth = bench.queue.depth()
    assert (depth.due, depth.delayed, depth.running, depth.oldest) == (1, 1, 0, 3)


def test_a_work_item_knows_how_long_it_waited(bench: QueueBench) -> None:
    bench.add("a")
    bench.clock.now += 4
    work = bench.take()
    assert work is not None
    assert work.waited == 4


def test_stop_releases_waiting_workers(bench: QueueBench) -> None:
    taken: list[Work | None] = []
    thread = threading.Thread(target=lambda: taken.append(bench.queue.take()))
    thread.start()
    bench.queue.stop()
    thread.join(5)
    assert taken == [None]


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "done", "again", "tick"]), st.integers(0, 4)), max_size=60))
def test_no_key_is_lost_or_run_twice_at_once(steps: list[tuple[str, int]]) -> None:
    bench = QueueBench(Limits(workers=2, jitter=0.0))
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
