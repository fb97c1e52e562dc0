"""The API server refuses, throttles, forgets, is slow or truncates replies: the policy is still enforced.

Between the operator and a real API server stands a proxy that goes wrong on purpose and counts (`tests/support/kube_faults.py`). Whatever
happens there, a change is made in Jenkins once, nothing is written again and again, and no secret is told. One Jenkins for all of them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from tests.support.actions import is_off, is_on, switch_off
from tests.support.kube import KubeServer
from tests.support.kube_fault_kinds import (
    Answer,
    Cut,
    Fault,
    Gone,
    Lose,
    Request,
    Slow,
    Which,
    but_the_lease,
    further_pages,
    instance_status_writes,
    reconcilers,
    status_writes,
    watches,
)
from tests.support.kube_faults import KubeFaults
from tests.support.planted import leaks, places
from tests.support.running import OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.standin import StandIn, free_port
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def own_kube() -> Iterator[KubeServer]:
    with KubeServer() as server:
        server.apply_crds()
        grant(server)
        yield server


@pytest.fixture(scope="module")
def faults(own_kube: KubeServer) -> Iterator[KubeFaults]:
    with KubeFaults(own_kube, page=1) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def one_operator(own_kube: KubeServer, faults: KubeFaults) -> Iterator[OperatorProcess]:
    running = OperatorProcess(own_kube, "-v", "--metrics", f"127.0.0.1:{free_port()}")
    running.kubeconfig = faults.kubeconfig(running.kubeconfig)
    with running:
        yield running


@pytest.fixture(scope="module")
def one_jenkins() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture(scope="module")
def one_scene(own_kube: KubeServer, one_operator: OperatorProcess, one_jenkins: StandIn) -> Scene:
    scene = Scene(own_kube, own_kube.new_namespace("faults"))
    scene.credentials(one_jenkins.url, one_jenkins.tokens["admin"])
    scene.instance("build", one_jenkins.url)
    scene.policy("baseline")
    return scene


@pytest.fixture
def scene(one_scene: Scene, faults: KubeFaults, one_operator: OperatorProcess, one_jenkins: StandIn) -> Iterator[Scene]:
    """The policy is in force without faults; afterwards no secret was leaked, whatever went wrong."""
    before = len(one_operator.text())
    in_force(one_scene)
    yield one_scene
    print(one_operator.text()[before:])
    faults.heal()
    assert leaks(places(one_scene.kube, one_operator, one_jenkins), one_scene.planted) == []
    assert "Traceback" not in one_operator.text()[before:]
    assert one_operator.running()


def in_force(scene: Scene) -> None:
    """The policy's conditions first: they are about its newest generation."""
    scene.wait("tfp", "baseline", seconds=50, Ready="True", Enforced="True/Probed")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


numbers = itertools.count(1)


def change(scene: Scene) -> None:
    """Change the policy to settings that it has not had yet."""
    scene.policy("baseline", exemptGroups=[f"robots-{next(numbers)}"])


def trials(jenkins: StandIn) -> int:
    """How many changes were begun in this Jenkins."""
    return jenkins.log().count("begun, undone in")


def answered(request: Request) -> bool:
    return but_the_lease(request) and not request.watches


REFUSALS: dict[str, tuple[Fault, Which, int]] = {
    "conflict on a status": (Answer(409), status_writes, 3),
    "500 on a status": (Answer(500), status_writes, 3),
    "status written, answer lost": (Lose(), status_writes, 2),
    "status written, answer cut": (Cut(20), status_writes, 2),
    "everything 500": (Answer(500), but_the_lease, 5),
    "everything 503": (Answer(503, {"Retry-After": "1"}), but_the_lease, 5),
    "everything 429": (Answer(429, {"Retry-After": "1"}), but_the_lease, 5),
    "answers cut short": (Cut(60), answered, 5),
    "answers lost": (Lose(), answered, 5),
    "slow": (Slow(1.2), answered, 8),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_change_is_made_once_whatever_the_api_server_answers(scene: Scene, faults: KubeFaults, one_jenkins: StandIn, case: str) -> None:
    fault, which, times = REFUSALS[case]
    begun, since = trials(one_jenkins), time.monotonic()
    faults.fault(fault, which, times=times)
    change(scene)
    wait_until(lambda: faults.hits == times, seconds=40, what="the fault was met so many times")
    in_force(scene)
    assert trials(one_jenkins) == begun + 1, "changed once"
    assert is_on(one_jenkins)
    assert faults.count(status_writes, since) <= times + 8, "no storm of writes"


def test_a_policy_aggregates_a_status_whose_write_got_no_reply(scene: Scene, faults: KubeFaults, one_jenkins: StandIn) -> None:
    """The next reconcile finds the right status and writes nothing, so the policy must already have been notified."""
    faults.fault(Lose(), instance_status_writes, times=1)
    events = scene.events("build").count("Unreachable")
    one_jenkins.kill()
    try:
        scene.wait("tfp", "baseline", seconds=30, Ready="False/Unreachable")
        assert faults.hits == 1
        wait_until(lambda: scene.events("build").count("Unreachable") > events, what="the Event about it")
    finally:
        one_jenkins.start()


def test_the_operator_honours_retry_after(scene: Scene, faults: KubeFaults) -> None:
    """Priority and fairness: 429 with Retry-After. Reconciles continue after that time, not before, and not all at once."""
    faults.fault(Answer(429, {"Retry-After": "4"}), reconcilers)
    change(scene)
    wait_until(lambda: faults.hits >= 4, seconds=40, what="both objects were asked for twice")
    with_pauses = {path: pauses(faults, path) for path in {one.path for one in faults.refused}}
    faults.heal()
    assert len(with_pauses) == 2
    assert all(pause > 3.9 for found in with_pauses.values() for pause in found), with_pauses
    in_force(scene)


def pauses(faults: KubeFaults, path: str) -> list[float]:
    moments = [one.at for one in faults.refused if one.path == path]
    return [after - before for before, after in itertools.pairwise(moments)]


@pytest.mark.parametrize("gone", [Gone(), Answer(410)], ids=["in the stream", "at once"])
def test_a_deletion_is_noticed_although_the_watch_was_too_old(scene: Scene, faults: KubeFaults, gone: Fault) -> None:
    """Watches break, a policy is deleted, and the API server no longer knows what happened meanwhile: the list tells."""
    scene.policy("doomed", priority=5)
    scene.wait("ji", "build", Ready="True")
    wait_until(lambda: governing(scene) == "doomed", what="it governs")
    faults.fault(Lose(), watches)
    faults.end_watches()
    scene.delete("tfp", "doomed")
    wait_until(lambda: faults.hits, seconds=20, what="the watches cannot be opened")
    faults.heal()
    faults.fault(gone, watches, times=2)
    wait_until(lambda: governing(scene) == "baseline", seconds=40, what="the other policy takes its place")
    in_force(scene)


def governing(scene: Scene) -> str:
    return str((scene.get("ji", "build").get("status", {}).get("policy") or {}).get("name"))


def test_a_list_that_expires_half_way_is_restarted(scene: Scene, faults: KubeFaults) -> None:
    """410 for the second page, for Kopf and for our own lists; a change made meanwhile is not missed."""
    scene.policy("second", priority=-1)
    scene.wait("tfp", "second", Ready="False/Overridden")
    faults.fault(Answer(410), further_pages, times=3)
    faults.fault(Gone(), watches, times=2)
    faults.end_watches()
    wait_until(lambda: faults.hits >= 4, seconds=40, what="lists expired")
    change(scene)
    in_force(scene)
    scene.delete("tfp", "second")


def test_observations_without_changes_send_no_request_to_the_api_server(
    scene: Scene, faults: KubeFaults, one_operator: OperatorProcess
) -> None:
    def observed(since: float) -> bool:
        return one_operator.counted("jenkins2fa_observations_total") > since

    seen = one_operator.counted("jenkins2fa_observations_total")
    wait_until(lambda: observed(seen), seconds=20, what="a look, after which nothing is left to do")
    begun, seen = time.monotonic(), one_operator.counted("jenkins2fa_observations_total")
    wait_until(lambda: observed(seen + 1), seconds=20, what="two more looks")
    assert faults.count(lambda request: reconcilers(request) and "/jenkinsinstances/" in request.path, begun) == 0


def test_nothing_is_changed_for_an_instance_whose_deletion_was_missed(scene: Scene, faults: KubeFaults, one_jenkins: StandIn) -> None:
    begun, since = trials(one_jenkins), time.monotonic()
    assert faults.stall_watches()
    scene.delete("ji", "build")
    switch_off(one_jenkins)
    wait_until(lambda: faults.count(reconcilers, since), seconds=20, what="it is read before Jenkins is changed")
    scene.wait("tfp", "baseline", seconds=20, Ready="False/NoMatchingInstance")
    assert [trials(one_jenkins), is_off(one_jenkins)] == [begun, True]
    faults.end_watches()
    scene.instance("build", one_jenkins.url)
    in_force(scene)


def test_a_watch_that_breaks_off_in_the_middle_of_a_line(scene: Scene, faults: KubeFaults, one_jenkins: StandIn) -> None:
    begun = trials(one_jenkins)
    faults.fault(Cut(40), watches, times=4)
    faults.end_watches()
    for _ in range(2):
        change(scene)
        in_force(scene)
    assert trials(one_jenkins) == begun + 2


def test_the_start_waits_for_an_api_server_that_throttles(scene: Scene, one_operator: OperatorProcess) -> None:
    """A restart at a bad moment causes no crash loop: the operator logs what it waits for."""
    with KubeFaults(scene.kube, page=1) as busy:
        busy.fault(Answer(429, {"Retry-After": "1"}, "too many requests"), times=2)
        busy.fault(Answer(410), further_pages, times=1)
        late = OperatorProcess(scene.kube, "-v")
        late.kubeconfig = busy.kubeconfig(late.kubeconfig)
        late.launch()
        try:
            wait_until(lambda: "watches all namespaces" in late.text(), seconds=40, what="it has started")
            assert "not ready; retrying" in late.text()
            assert "too many requests" in late.text()
            assert late.terminate()[0] == 0
        finally:
            late.kill()
