"""The API server refuses, throttles or loses replies, or Jenkins is unreachable: a change is still made once.

With a real API server, its watches and pages: tests/slow/test_faults_kubernetes.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.scenario.cluster import LOST, FakeCluster, Request
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World


def is_status_write(request: Request) -> bool:
    return request.path.endswith("/status")


def is_anything(request: Request) -> bool:
    return True


REFUSALS: dict[str, tuple[int, Callable[[Request], bool], int]] = {
    "conflict on a status": (409, is_status_write, 3),
    "500 on a status": (500, is_status_write, 3),
    "status written, answer lost": (LOST, is_status_write, 2),
    "everything 500": (500, is_anything, 5),
    "everything 503": (503, is_anything, 5),
    "everything 429": (429, is_anything, 5),
    "answers lost": (LOST, is_anything, 5),
}


@pytest.fixture
def in_force(world: World, jenkins: FakeController) -> World:
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    return world


def refuse(cluster: FakeCluster, status: int, which: Callable[[Request], bool], times: int) -> list[Request]:
    """Refuse the next `times` matching requests with this status; returns the refused ones."""
    refused: list[Request] = []

    def decide(request: Request) -> int | None:
        if which(request) and len(refused) < times:
            refused.append(request)
            return status
        return None

    cluster.refuse = decide
    return refused


@pytest.mark.parametrize("case", REFUSALS)
def test_a_change_is_made_once_whatever_the_api_server_answers(in_force: World, jenkins: FakeController, case: str) -> None:
    status, which, times = REFUSALS[case]
    refused, asked, begun = refuse(in_force.cluster, status, which, times), len(in_force.cluster.requests), jenkins.trials
    in_force.policy("baseline", exemptGroups=["robots"])
    state = in_force.pass_time(60.0)
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    state.expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert len(refused) == times
    assert jenkins.trials == begun + 1, "changed once"
    writes = [request for request in in_force.cluster.requests[asked:] if is_status_write(request)]
    assert len(writes) <= times + 8, "no storm of writes"


def test_a_policy_aggregates_a_status_whose_write_got_no_reply(in_force: World, jenkins: FakeController) -> None:
    """The next reconcile finds the right status and writes nothing, so the policy must already have been notified."""
    refused = refuse(in_force.cluster, LOST, lambda request: is_status_write(request) and "jenkinsinstances" in request.path, 1)
    jenkins.silent = True
    state = in_force.pass_time(40.0)
    assert len(refused) == 1
    state.expect("tfp", "baseline", Ready="False/Unreachable")
    assert "Unreachable" in state.reasons("build")


def test_the_operator_honours_retry_after(in_force: World) -> None:
    """Priority and fairness: 429 with Retry-After."""
    cluster, clock = in_force.cluster, in_force.clock
    moments: dict[str, list[float]] = {}

    def decide(request: Request) -> int | None:
        moments.setdefault(request.path, []).append(clock.passed)
        return 429

    cluster.refuse, cluster.retry_after = decide, 4
    in_force.policy("baseline", exemptGroups=["robots"])
    in_force.pass_time(20.0)
    cluster.refuse = lambda request: None
    pauses = [after - before for found in moments.values() for before, after in itertools.pairwise(found)]
    assert len(moments) == 2, "both objects"
    assert all(pause >= 4.0 for pause in pauses), moments
    in_force.pass_time(20.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_an_unreachable_controller_recovers(in_force: World, jenkins: FakeController) -> None:
    jenkins.silent = True
    state = in_force.pass_time(40.0)
    status = state.expect("ji", "build", Ready="False/Unreachable", Reconciling="True", Stalled="False", Enforced="Unknown/Unreachable")
    state.expect("tfp", "baseline", Ready="False/Unreachable", Reconciling="True", Stalled="False")
    assert status["jenkins"]["version"], "the last known state stays"
    jenkins.silent = False
    in_force.pass_time(70.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
