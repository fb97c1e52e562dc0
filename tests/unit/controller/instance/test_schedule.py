"""When a controller that is starting is observed again, and that it leaves workers for the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.schedule import next_reconcile
from jenkins2fa.controller.instance.subject import Memory
from jenkins2fa.controller.queue import Kind, Limits, Requeue, Urgency, Work, WorkKey, WorkQueue
from jenkins2fa.core.assess import Failure, Outcome
from jenkins2fa.jenkins.errors import Starting
from tests.support.literals import instance

STARTING = Outcome(instance(), failure=Failure("Starting", "503", transient=True))


@dataclass
class Time:
    """What `next_reconcile` needs of a context."""

    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def random(self) -> float:
        return 0.5


def again(memory: Memory, now: float) -> Requeue:
    memory.interpret(Starting("503"), now)
    return next_reconcile(STARTING, memory, cast("Context", Time(now)))


@pytest.mark.parametrize(("seconds", "pause"), [(0.0, 1.0), (119.0, 1.0), (160.0, 10.0), (240.0, 30.0), (9999.0, 30.0)])
def test_a_controller_that_keeps_starting_is_observed_less_often(seconds: float, pause: float) -> None:
    memory = Memory("uid")
    again(memory, 1000.0)
    assert again(memory, 1000.0 + seconds) == Requeue(after=pause, urgency=Urgency.DRIFT, host_failed=True)


def test_controllers_that_never_finish_starting_leave_workers_for_the_others() -> None:
    """80 hosts answer 503 after 12 s each time; 20 others are observed every 30 s, and answer at once."""
    time, limits = Time(), Limits(workers=64)
    queue = WorkQueue(time.clock, time.random, lambda one: str(one.key), limits)
    slow = {WorkKey(Kind.INSTANCE, Key("slow", str(number))): Memory("uid") for number in range(80)}
    well = [WorkKey(Kind.INSTANCE, Key("well", str(number))) for number in range(20)]
    for key in slow:
        queue.add(key, Urgency.DRIFT)
    for key in well:
        queue.add(key, after=60.0)
    running: list[tuple[float, Work]] = []
    looks = 0
    while time.now < 360.0:
        while (work := queue.take(block=False)) is not None:
            running.append((time.now + (12.0 if work.key in slow else 0.0), work))
        time.now += 1.0
        for end, work in [one for one in running if one[0] <= time.now]:
            running.remove((end, work))
            looks += work.key not in slow
            queue.done(work, again(slow[work.key], time.now) if work.key in slow else Requeue(after=30.0))
    assert looks >= 20 * 9
