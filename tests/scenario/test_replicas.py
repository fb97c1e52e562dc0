"""Several Jenkins processes answer in turn behind one URL: the state of one of them is never reported as in force."""

from __future__ import annotations

from tests.support.fleet.jenkins import FakeJenkins
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World


def test_replicas_that_answer_in_turn_are_reported_and_never_enforced(world: World, jenkins: FakeController) -> None:
    twin = jenkins.twin = FakeJenkins(jenkins.url + "/", world.clock.epoch)
    world.instance("build", jenkins.url)
    world.policy("baseline")
    seen = [world.pass_time(2.0) for _ in range(20)]
    state = seen[-1]
    state.expect("ji", "build", Ready="False/MultipleReplicas", Stalled="True", Enforced="Unknown/MultipleReplicas")
    state.expect("tfp", "baseline", Ready="False/MultipleReplicas", Stalled="True", Enforced="Unknown")
    assert "point spec.url at one of them" in state.message("ji", "build")
    assert "MultipleReplicas" in state.reasons("build")
    assert not any(one.conditions("ji", "build").get("Enforced") == "True/Probed" for one in seen), "never in force"
    world.pass_time(70.0)
    twin.expire()
    assert jenkins.is_off, "a change begun in one of them is undone"
    assert not twin.live
    assert not {"trial.json"} & (set(jenkins.files) | set(twin.files))
    jenkins.twin = None  # the fix: a single process
    world.pass_time(60.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
