"""Which policy governs, and what the others say."""

from __future__ import annotations

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World


def test_an_overridden_policy_names_the_one_that_governs(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("strong", priority=10)
    state = world.policy("weak", enforcement="Off")
    state.expect("tfp", "strong", Ready="True", Enforced="True/Probed")
    loser = state.expect("tfp", "weak", Ready="False/Overridden", Stalled="True/Overridden")
    assert loser["instances"]["overridden"] == 1
    assert "team/strong" in state.message("tfp", "weak")
    assert jenkins.is_on
    state = world.policy("strong", priority=-1)
    state.expect("tfp", "weak", Ready="True", Enforced="False/Off")
    state.expect("tfp", "strong", Ready="False/Overridden")
    assert jenkins.is_off
