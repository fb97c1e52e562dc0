"""The clock of a controller is wrong by a day: changes, trials and flapping still use the right time, and the skew is reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scenario.clock import Clock
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World

DAY = 86_400_000  # milliseconds


@pytest.fixture(params=[DAY, -DAY], ids=["a-day-ahead", "a-day-behind"])
def ahead(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def jenkins(clock: Clock, ahead: int) -> Iterator[FakeController]:
    with FakeController(lambda: clock.epoch() + ahead) as running:
        yield running


def test_a_change_succeeds_and_the_clock_skew_is_reported(world: World, jenkins: FakeController, ahead: int) -> None:
    world.instance("build", jenkins.url)
    before = world.policy("baseline")
    before.expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert jenkins.is_on
    assert f"24h {'ahead of' if ahead > 0 else 'behind'} the operator's" in before.message("ji", "build")
    assert world.pass_time(30.0) == before, "the status is stable"


def test_flapping_is_detected_despite_clock_skew(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("baseline")
    for _ in range(3):
        jenkins.switch_off()
        world.pass_time(6.0)
        assert jenkins.is_on
    jenkins.switch_off()
    world.pass_time(6.0).expect("ji", "build", Ready="False/Flapping", Stalled="True", Drifted="True")
    assert jenkins.is_off
    world.annotate("ji", "build", "found-out-who")
    assert jenkins.is_on, "a person may ask for it"


def test_a_break_glass_ends_on_time_despite_clock_skew(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, checkInterval="1h")
    world.policy("baseline")
    until = world.clock.moment(seconds=60)
    state = world.break_glass("incident", until, "INC-9")
    state.expect("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass")
    assert until in state.message("ji", "build")
    assert jenkins.is_open
    world.pass_time(65.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert jenkins.is_on, "it ends at that time, not a day later"
