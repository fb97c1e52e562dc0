"""One reconcile observes, assesses and plans once; a trial adds only its verification.

The calls are counted by the interpreter's profiling hook, so nothing of ours is replaced.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

from jenkins2fa.core.assess import assess
from jenkins2fa.core.plan import make_plan
from jenkins2fa.jenkins.drivers.base import Driver
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World

INTERVAL = 10.0  # seconds; longer than the time that passes after a change


def calls(work: Callable[[], State]) -> tuple[tuple[int, int, int], State]:
    """How often `work` observes, assesses and plans, and the resulting state."""
    counted = (Driver.observe, assess, make_plan)
    names, found = {function.__code__: function.__name__ for function in counted}, Counter[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    sys.setprofile(note)
    try:
        state = work()
    finally:
        sys.setprofile(None)
    return (found["observe"], found["assess"], found["make_plan"]), state


def enforce(world: World, jenkins: FakeController) -> tuple[tuple[int, int, int], State]:
    """The policy is there first, so the instance's first reconcile enforces it."""
    world.policy("baseline")
    return calls(lambda: world.instance("build", jenkins.url, checkInterval=f"{INTERVAL:g}s"))


def test_a_first_enforcement_observes_once_and_verifies_twice(world: World, jenkins: FakeController) -> None:
    """The trial reads back before its confirmation and verifies afterwards: two more observations and plans."""
    counts, state = enforce(world, jenkins)
    verification = 2
    assert counts == (1 + verification, 1, 1 + verification)
    state.expect("ji", "build", Enforced="True/Probed")
    assert jenkins.is_on


def test_a_reconcile_without_changes_observes_and_plans_once(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    counts, state = calls(lambda: world.pass_time(INTERVAL))
    assert counts == (1, 1, 1)
    state.expect("ji", "build", Enforced="True/Probed")


def test_a_correction_of_drift_observes_once_and_verifies_twice(world: World, jenkins: FakeController) -> None:
    enforce(world, jenkins)
    jenkins.switch_off()
    counts, state = calls(lambda: world.pass_time(INTERVAL))
    assert counts == (3, 1, 3)
    state.expect("ji", "build", Enforced="True/Probed")
    assert jenkins.is_on
