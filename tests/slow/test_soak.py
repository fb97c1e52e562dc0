"""A short soak with a fixed seed (the long one is bench/soak.py), and a check that the watch detects broken invariants."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.desired import Desired
from jenkins2fa.jenkins.drivers.choose import driver_for
from tests.support.actions import take_gate_out
from tests.support.soak.faults import FAULTS
from tests.support.soak.faults_jenkins import CONFIG, LIVE
from tests.support.soak.invariants import (
    DiskHoldsWhatWasConfirmed,
    InForceMeansInForce,
    LogsAreClean,
    Moment,
    NobodyStaysIn,
    OperatorGetsIn,
    PeopleGetIn,
    found_secrets,
)
from tests.support.soak.plan import draw, read_plan
from tests.support.soak.run import Soak
from tests.support.soak.settled import missing
from tests.support.soak.watch import Invariant
from tests.support.soak.world import World
from tests.support.waiting import wait_until

SEED, ROUNDS = 6, 5
SHORT = sorted(name for name, fault in FAULTS.items() if fault.seconds[1] <= 15)
STATE = "jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa')"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as started:
        yield started


@pytest.mark.timeout(600)
def test_invariants_hold_under_random_faults(world: World, tmp_path: Path) -> None:
    soak = Soak(world, tmp_path)
    with soak.watch() as watch:
        soak.carry_out_all((draw(SEED, number, SHORT) for number in range(ROUNDS)), watch)
    assert not soak.broken
    assert sum(tally.count for tally in soak.tallies.values()) >= ROUNDS
    assert all(watch.checks.values())
    assert watch.disk.met
    assert read_plan(tmp_path / "plan.jsonl") == [draw(SEED, number, SHORT) for number in range(ROUNDS)]


@contextlib.contextmanager
def operator_gone(world: World) -> Iterator[None]:
    """The operator is stopped and repairs nothing, so that the watch can see it; afterwards everything is well again."""
    world.operator.kill()
    try:
        yield
    finally:
        world.jenkins.restart()
        world.launch_operator()
        wait_until(lambda: not missing(world), seconds=60, every=0.3, what="all is well again")


def sees(invariant: Invariant, world: World, moment: Moment | None = None, *, seconds: float = 30) -> str:
    """Wait until the watch reports a broken invariant; returns the report."""
    found: list[str] = []

    def look() -> bool:
        found.extend(invariant.check(world, moment or Moment()))
        return bool(found)

    wait_until(look, seconds=seconds, every=0.2, what=f"{type(invariant).__name__} notices it")
    return found[0]


@pytest.mark.timeout(300)
def test_the_watch_detects_broken_invariants(world: World) -> None:
    """Each promise is broken by hand and reported, unless a planned fault explains it."""
    wait_until(lambda: not missing(world), seconds=60, every=0.3, what="all is well")
    for invariant in (PeopleGetIn(), OperatorGetsIn(), DiskHoldsWhatWasConfirmed(), NobodyStaysIn(), InForceMeansInForce(), LogsAreClean()):
        assert not list(invariant.check(world, Moment()))
    with operator_gone(world):
        world.jenkins.groovy(f"{LIVE} = false; {STATE}.remove('hold'); null")
        began = time.monotonic()
        assert "Enforced=True" in sees(InForceMeansInForce(), world)
        assert time.monotonic() - began > 5, "it is given its checkInterval"
        world.jenkins.groovy(f"{LIVE} = true")
        visits, told = NobodyStaysIn(), NobodyStaysIn()
        opened = replace(Moment(), gate_opened=True)
        assert not list(visits.check(world, Moment()))
        take_gate_out(world.jenkins, for_good=True)
        assert "exempt" in sees(visits, world)
        assert not list(told.check(world, opened))
        challenged = OperatorGetsIn(within=1)
        assert "challenged" in sees(challenged, world)
        assert not list(OperatorGetsIn(within=0).check(world, opened))


@pytest.mark.timeout(300)
def test_the_watch_detects_unconfirmed_settings_on_disk(world: World) -> None:
    wait_until(lambda: not missing(world), seconds=60, every=0.3, what="all is well")
    with operator_gone(world), open_trial(world) as cancel:
        invariant = DiskHoldsWhatWasConfirmed()
        assert not list(invariant.check(world, Moment()))
        world.jenkins.groovy(f"{CONFIG}.save()")
        assert "while trial" in sees(invariant, world)
        cancel()


@contextlib.contextmanager
def open_trial(world: World) -> Iterator[Callable[[], object]]:
    """An unconfirmed change of ours; yields a function that undoes it."""
    with contextlib.closing(driver_for(world.direct(), trial_seconds=60)) as driver:
        seen = driver.observe()
        assert seen.memory is not None
        desired = Desired(replace(seen.memory, enabled=False))
        driver.begin("a-trial", desired, seen.owner, DeletionPolicy.RETAIN, with_gate=False, take_over=None)
        yield lambda: driver.cancel("a-trial")


def test_the_watch_detects_tracebacks_and_secrets(world: World) -> None:
    clean = LogsAreClean()
    assert not list(clean.check(world, Moment()))
    with world.operator.log.open("a") as log:
        log.write(f"Traceback (most recent call last):\n  token {world.token}\n")
    said = list(clean.check(world, Moment()))
    assert [one.partition(": ")[2][:9] for one in said if "Traceback" in one] == ["Traceback"]
    assert any("secret" in one for one in said)
    assert world.token not in "".join(said)
    assert list(found_secrets("here", f"a {world.token} b", world.secrets))
