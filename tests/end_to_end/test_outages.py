"""Tests with their own operators: the API server or the operator fails in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.support.actions import is_off, is_on, switch_off
from tests.support.kube import KubeServer
from tests.support.running import NAMESPACE, OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

SOON = 15  # seconds, on a busy machine; a pod is killed 30 s after SIGTERM


@pytest.fixture(scope="module")
def own_kube() -> Iterator[KubeServer]:
    """An API server for these tests alone: they stop it, which would disturb the shared operator."""
    with KubeServer() as server:
        server.apply_crds()
        grant(server)
        yield server


@pytest.fixture
def own_operator(own_kube: KubeServer) -> Iterator[OperatorProcess]:
    with OperatorProcess(own_kube, "-v") as running:
        yield running
        print(running.text())


@pytest.fixture
def own_scene(own_kube: KubeServer, request: pytest.FixtureRequest, jenkins: StandIn) -> Iterator[Scene]:
    scene = Scene(own_kube, own_kube.namespace_for(request.node.name))
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    yield scene
    own_kube.remove_namespace(scene.namespace)


def test_the_api_server_is_away_for_a_while(
    own_operator: OperatorProcess, own_kube: KubeServer, own_scene: Scene, jenkins: StandIn
) -> None:
    """For longer than the Lease lasts: the operator writes nothing, stays alive, and catches up, deletions included."""
    own_scene.wait("ji", "build", Enforced="True/Probed")
    own_scene.policy("doomed", priority=-1)
    own_scene.wait("tfp", "doomed", Ready="False/Overridden")
    with own_kube.stopped():
        switch_off(jenkins)
        time.sleep(9)
        assert is_off(jenkins), "without a Lease nothing is written"
        assert own_operator.running()
    wait_until(lambda: is_on(jenkins), seconds=40, what="the drift of the outage is corrected")
    own_scene.wait("tfp", "baseline", seconds=30, Ready="True", Enforced="True/Probed")
    own_scene.policy("late", priority=5, mode="Disabled")
    own_scene.wait("tfp", "late", seconds=30, Ready="True", Enforced="False/Disabled")


def test_the_api_server_hangs(own_operator: OperatorProcess, own_kube: KubeServer, own_scene: Scene, jenkins: StandIn) -> None:
    own_scene.wait("ji", "build", Enforced="True/Probed")
    with own_kube.paused():
        time.sleep(12)
        assert own_operator.running()
    switch_off(jenkins)
    wait_until(lambda: is_on(jenkins), seconds=40, what="it works on")


def test_the_operator_is_killed_during_a_reconcile(own_operator: OperatorProcess, own_scene: Scene, jenkins: StandIn) -> None:
    """Whatever a killed reconcile left behind, the next process reaches the desired state."""
    own_scene.wait("ji", "build", Enforced="True/Probed")
    own_scene.policy("baseline", mode="Disabled")
    own_scene.wait("ji", "build", Enforced="False/Disabled")
    own_scene.policy("baseline")
    time.sleep(0.3)
    own_operator.kill()
    own_operator.start()
    own_scene.wait("ji", "build", seconds=30, Ready="True", Enforced="True/Probed")
    assert is_on(jenkins)


def test_the_operator_ends_soon_and_releases_the_lease(own_operator: OperatorProcess, own_kube: KubeServer, own_scene: Scene) -> None:
    own_scene.wait("ji", "build", Enforced="True/Probed")
    code, seconds = own_operator.terminate()
    assert code == 0
    assert seconds < SOON
    lease = own_kube.get("lease", "jenkins-2fa-operator", "-n", NAMESPACE)
    assert not lease["spec"].get("holderIdentity")


def test_the_operator_ends_soon_while_a_controller_hangs(own_operator: OperatorProcess, own_scene: Scene, jenkins: StandIn) -> None:
    own_scene.wait("ji", "build", Enforced="True/Probed")
    os.kill(jenkins.pid, signal.SIGSTOP)
    try:
        own_scene.annotate("ji", "build", "now")
        time.sleep(0.5)
        code, seconds = own_operator.terminate()
    finally:
        os.kill(jenkins.pid, signal.SIGCONT)
    assert code == 0
    assert seconds < SOON


def test_the_operator_ends_soon_whichever_thread_gets_the_signal(own_operator: OperatorProcess) -> None:
    """Linux delivers a signal to the thread that it is sent to; that does not wake the thread that waits for the end."""
    another = max(int(name) for name in os.listdir(f"/proc/{own_operator.pid}/task"))
    assert another != own_operator.pid
    os.kill(another, signal.SIGTERM)
    assert own_operator.wait(SOON) == 0


def test_a_second_replica_waits_and_takes_over(
    own_operator: OperatorProcess, own_kube: KubeServer, own_scene: Scene, jenkins: StandIn
) -> None:
    own_scene.wait("ji", "build", Enforced="True/Probed")
    second = OperatorProcess(own_kube, "-v")
    second.launch()
    try:
        wait_until(lambda: "watches all namespaces" in second.text(), seconds=15, what="the second replica runs")
        time.sleep(7)
        assert "this replica leads now" not in second.text()
        own_operator.terminate()
        wait_until(lambda: "this replica leads now" in second.text(), seconds=10, what="it takes over at once from one that ended in order")
        switch_off(jenkins)
        wait_until(lambda: is_on(jenkins), seconds=10, what="the second one does the work")
    finally:
        second.terminate()
