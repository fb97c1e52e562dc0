"""A cluster, one Jenkins controller and the operator for each test; see tests/support/scenario/world.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scenario.clock import Clock
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World, controllers


@pytest.fixture
def clock() -> Clock:
    return Clock.started()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as running:
        yield running


@pytest.fixture
def jenkins(clock: Clock) -> Iterator[FakeController]:
    """A Jenkins controller without two-factor authentication."""
    with FakeController(clock.epoch) as running:
        yield running


@pytest.fixture
def fleet(clock: Clock) -> Iterator[list[FakeController]]:
    with controllers(clock, 3) as running:
        yield running


@pytest.fixture
def world(cluster: FakeCluster, clock: Clock, tmp_path: Path, jenkins: FakeController) -> World:
    """Namespace `team` with the Secret `admin` for that controller."""
    made = World(cluster, clock, tmp_path)
    made.credentials(jenkins)
    return made
