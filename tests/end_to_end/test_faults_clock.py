"""The clock of a Jenkins is wrong by a day: trials, break-glass and flapping go by the right time all the same, and it is told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.actions import is_off, is_on, is_settled, switch_off
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

DAY = 86_400
COUNT = "System.setProperty('test.looks', String.valueOf(Integer.getInteger('test.looks', 0) + 1));"
AHEAD = pytest.mark.parametrize("ahead", [DAY, -DAY], ids=["a-day-ahead", "a-day-behind"])


def set_clock(jenkins: StandIn, ahead: int) -> None:
    """What our scripts, the trial's journal, break-glass and the count of corrections in Jenkins take for the time (timers run as ever)."""
    jenkins.groovy(f"System.metaClass.'static'.currentTimeMillis = {{ -> {COUNT} System.nanoTime().intdiv(1000000L) + {offset(ahead)}L }}")
    told = int(jenkins.groovy("println System.currentTimeMillis()")) / 1000
    assert abs(told - datetime.now(UTC).timestamp() - ahead) < 5


def offset(ahead: int) -> int:
    """Milliseconds from the JVM's monotonic clock (on Linux that of the machine) to the wrong time of day."""
    return round((time.time() - time.monotonic() + ahead) * 1000)


def moment(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_force(scene: Scene, jenkins: StandIn, ahead: int, **spec: object) -> None:
    set_clock(jenkins, ahead)
    scene.instance("build", jenkins.url, **spec)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


@AHEAD
def test_change_is_made_and_the_wrong_clock_is_told(operator: OperatorProcess, scene: Scene, jenkins: StandIn, ahead: int) -> None:
    in_force(scene, jenkins, ahead)
    assert is_on(jenkins)
    assert f"24h {'ahead of' if ahead > 0 else 'behind'} the operator's" in scene.message("ji", "build")
    version, looks = scene.get("ji", "build")["metadata"]["resourceVersion"], observations(jenkins)
    wait_until(lambda: observations(jenkins) >= looks + 3, seconds=30, what="it was looked at three times more")
    assert scene.get("ji", "build")["metadata"]["resourceVersion"] == version, "a status that does not waver"


def observations(jenkins: StandIn) -> int:
    """How often Jenkins' time was read since the clock was set: each observation reads it."""
    return int(jenkins.groovy("println System.getProperty('test.looks')"))


@AHEAD
def test_break_glass_lasts_until_it_expires(operator: OperatorProcess, scene: Scene, jenkins: StandIn, ahead: int) -> None:
    in_force(scene, jenkins, ahead, checkInterval="1h")
    until = moment(seconds=9)
    scene.break_glass("incident", until, "INC-9")
    scene.wait("ji", "build", seconds=7, Ready="True/BreakGlass", Enforced="False/BreakGlass")
    assert is_off(jenkins)
    assert until in scene.message("ji", "build")
    wait_until(lambda: is_on(jenkins), seconds=15, what="it ends at that time, not a day later")
    scene.wait("ji", "build", seconds=10, Ready="True", Enforced="True/Probed")


@AHEAD
def test_flapping_is_noticed_by_a_wrong_clock_too(operator: OperatorProcess, scene: Scene, jenkins: StandIn, ahead: int) -> None:
    in_force(scene, jenkins, ahead)
    for _ in range(3):
        switch_off(jenkins)
        wait_until(lambda: is_settled(jenkins), seconds=10, what="it is put back")
    switch_off(jenkins)
    scene.wait("ji", "build", Ready="False/Flapping", Stalled="True", Drifted="True")
    assert is_off(jenkins)
    scene.annotate("ji", "build", "found-out-who")
    wait_until(lambda: is_on(jenkins), what="a person may ask for it")
