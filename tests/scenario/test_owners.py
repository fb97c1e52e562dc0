"""Two clusters, each with an operator, manage one controller: the second needs a take-over annotation, and the first never fights back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scenario.clock import Clock
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World


@pytest.fixture
def other(clock: Clock, tmp_path: Path, jenkins: FakeController) -> Iterator[World]:
    """A namespace of the same name in another cluster."""
    folder = tmp_path / "other"
    folder.mkdir()
    with FakeCluster() as cluster:
        made = World(cluster, clock, folder)
        made.credentials(jenkins)
        yield made


def owner(world: World) -> str:
    cluster = world.cluster.get("namespaces", "", "kube-system")["metadata"]["uid"]
    return f"{cluster}/{world.cluster.get('jenkinsinstances', 'team', 'build')['metadata']['uid']}"


def both(first: World, second: World, seconds: float = 10.0) -> tuple[State, State]:
    """Let time pass for both operators alternately."""
    for _ in range(int(seconds)):
        first.operator.work()
        second.operator.work()
        first.clock.passed += 1.0
    return first.state(), second.state()


def test_a_second_cluster_takes_over_only_by_annotation(world: World, other: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    other.instance("build", jenkins.url)
    state = other.policy("baseline", mode="Disabled")
    for kind, name in (("ji", "build"), ("tfp", "baseline")):
        state.expect(kind, name, Ready="False/OwnedElsewhere", Stalled="True")
    assert owner(world) in state.message("ji", "build"), "the owner, and so the value of the annotation"
    assert jenkins.is_on
    both(world, other)[0].expect("ji", "build", Ready="True", Enforced="True/Probed")

    other.annotate("ji", "build", "somebody/else", "take-over")  # not the one who holds it
    assert jenkins.is_on
    other.annotate("ji", "build", owner(world), "take-over").expect("ji", "build", Ready="True", Enforced="False/Disabled")
    former, _ = both(world, other)
    former.expect("ji", "build", Ready="False/OwnedElsewhere", Stalled="True", Enforced="False")
    assert owner(other) in former.message("ji", "build")
    assert jenkins.is_off, "the former owner does not take it back"

    world.annotate("ji", "build", owner(other), "take-over").expect("ji", "build", Ready="True", Enforced="True/Probed")
    _, second = both(world, other, 20.0)
    second.expect("ji", "build", Ready="False/OwnedElsewhere")
    assert jenkins.is_on, "each annotation was valid for one take-over, so they do not keep taking it from each other"


def test_deleting_the_second_clusters_policy_releases_nothing(world: World, other: World, jenkins: FakeController) -> None:
    """Its deletionPolicy covers only what it manages, and it manages nothing here."""
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    other.instance("build", jenkins.url)
    other.policy("baseline", deletionPolicy="Disable").expect("ji", "build", Ready="False/OwnedElsewhere")
    other.delete("tfp", "baseline").expect("ji", "build", Ready="True/NoPolicy")
    first, second = both(world, other, 150.0)
    assert jenkins.is_on
    assert "Released" not in second.reasons("build")
    first.expect("ji", "build", Ready="True", Enforced="True/Probed")
