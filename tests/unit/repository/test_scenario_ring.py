"""The scenario ring can assemble the operator, so the fastest ring notices a renamed part."""

from __future__ import annotations

from pathlib import Path

from tests.support.scenario.clock import Clock
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World


def test_the_scenario_ring_runs_one_reconcile(tmp_path: Path) -> None:
    clock = Clock.started()
    with FakeCluster() as cluster, FakeController(clock.epoch) as jenkins:
        world = World(cluster, clock, tmp_path)
        world.credentials(jenkins)
        world.instance("build", jenkins.url)
        world.policy("baseline").expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
        assert jenkins.is_on
