"""A policy reaches a few Jenkinses first, and goes on or stops by what happens there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.jenkins.account import Credentials
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from tests.support.actions import is_off, is_on, switch_off
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def fleet() -> Iterator[list[StandIn]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(StandIn()) for _ in NAMES]


@pytest.fixture
def scene(kube: KubeServer, namespace: str, fleet: list[StandIn]) -> Iterator[Scene]:
    """Three Jenkinses without two-factor authentication, each with an instance; they are let go of at the end."""
    made = Scene(kube, namespace)
    for name, jenkins in zip(NAMES, fleet, strict=True):
        made.credentials(jenkins.url, jenkins.tokens["admin"], name=f"admin-{name}")
        made.instance(name, jenkins.url, credentialsRef={"name": f"admin-{name}"}, checkInterval="1h")
    yield made
    kube.kubectl("delete", "tfp", "--all", "-n", namespace)
    kube.kubectl("delete", "ji", "--all", "-n", namespace)
    for jenkins in fleet:
        wait_until(lambda jenkins=jenkins: release(jenkins), seconds=20, what="it is as before")  # type: ignore[misc]


def release(jenkins: StandIn) -> bool:
    driver = driver_for(Connection(jenkins.url + "/", Credentials("admin", jenkins.tokens["admin"])))
    try:
        driver.release(DeletionPolicy.DISABLE)
    except JenkinsError as problem:
        raise AssertionError(str(problem)) from problem
    finally:
        driver.close()
    return is_off(jenkins)


def rollout(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = (scene.get("tfp", "baseline").get("status") or {}).get("rollout") or {}
    return found


def states(fleet: list[StandIn]) -> list[bool]:
    return [is_on(jenkins) for jenkins in fleet]


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_one_after_the_other_also_through_a_restart_of_the_operator(operator: OperatorProcess, scene: Scene, fleet: list[StandIn]) -> None:
    scene.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "8s"})
    wait_until(lambda: rollout(scene).get("state") == "Pausing", seconds=30, what="the first batch is ready")
    assert states(fleet) == [True, False, False]
    scene.wait("tfp", "baseline", Ready="False/RollingOut", Reconciling="True/RollingOut", Stalled="False")
    scene.wait("ji", "b", Ready="False/WaitingForRollout", Reconciling="True", Stalled="False", Drifted="False")
    assert "1 of 3 instances are done" in scene.message("tfp", "baseline")
    paused = rollout(scene)
    operator.terminate()
    operator.start()
    wait_until(lambda: rollout(scene)["admitted"] == 2, seconds=20, what="the second batch")
    assert paused["admitted"] == 1
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed", Reconciling="False", Stalled="False")
    assert states(fleet) == [True, True, True]
    assert {"state": "Complete", "admitted": 3, "updated": 3, "failed": 0, "total": 3}.items() <= rollout(scene).items()


def test_it_stops_at_a_failure_and_begins_anew_with_a_changed_policy(operator: OperatorProcess, scene: Scene, fleet: list[StandIn]) -> None:
    scene.instance("a", fleet[0].url, credentialsRef={"name": "missing"}, checkInterval="1h")
    scene.wait("ji", "a", Ready="False/SecretMissing")
    scene.policy("baseline", rollout={"batchSize": 1})
    scene.wait("tfp", "baseline", seconds=40, Ready="False/RolloutStopped", Stalled="True/RolloutStopped", Reconciling="False")
    assert f"{scene.namespace}/a" in scene.message("tfp", "baseline")
    assert states(fleet) == [False, False, False], "nothing goes on behind a failure"
    scene.policy("baseline", rollout={"batchSize": 1, "stopAfterFailures": 2})
    scene.wait("tfp", "baseline", seconds=40, Ready="False/RollingOut", Stalled="False")
    wait_until(lambda: states(fleet) == [False, True, True], seconds=40, what="one failure is borne")
    scene.wait("tfp", "baseline", Ready="False/RollingOut", Stalled="False")
    scene.instance("a", fleet[0].url, credentialsRef={"name": "admin-a"}, checkInterval="1h")
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    assert rollout(scene)["state"] == "Complete"


def test_a_stopped_roll_out_goes_on_putting_back_what_was_confirmed(
    operator: OperatorProcess, scene: Scene, fleet: list[StandIn]
) -> None:
    scene.policy("baseline", rollout={"batchSize": 1})
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    scene.instance("a", fleet[0].url, credentialsRef={"name": "missing"}, checkInterval="1h")
    scene.wait("ji", "a", Ready="False/SecretMissing")
    scene.policy("baseline", rollout={"batchSize": 1}, priority=7)
    scene.wait("tfp", "baseline", seconds=40, Ready="False/RolloutStopped")
    switch_off(fleet[1])
    scene.annotate("ji", "b", "now")
    wait_until(lambda: is_on(fleet[1]), seconds=20, what="the edit means nothing to b: what is off there is drift")
    scene.policy("baseline", rollout={"batchSize": 1}, priority=7, exemptGroups=["robots"])
    scene.wait("ji", "b", seconds=40, Ready="False/WaitingForRollout")
    switch_off(fleet[1])
    scene.annotate("ji", "b", "again")
    scene.wait("ji", "b", seconds=20, Enforced="False/NotActive")
    assert not is_on(fleet[1]), "its wish is another one now, and has to wait; the alert says so"


def test_suspended_and_resumed_it_stays_where_it_is_and_goes_on_from_there(
    operator: OperatorProcess, scene: Scene, fleet: list[StandIn]
) -> None:
    long: dict[str, Any] = {"batchSize": 1, "pauseBetween": "1h"}
    scene.policy("baseline", rollout=long)
    wait_until(lambda: rollout(scene).get("state") == "Pausing", seconds=30, what="the first batch is ready")
    paused = rollout(scene)
    scene.policy("baseline", rollout=long, suspend=True)
    scene.wait("ji", "b", Ready="False/Suspended")
    scene.wait("tfp", "baseline", Ready="False/Suspended", Reconciling="False")
    scene.policy("baseline", rollout=long)
    scene.wait("tfp", "baseline", Ready="False/RollingOut")
    wait_until(lambda: rollout(scene)["state"] == "Pausing", seconds=20, what="the pause runs on")
    assert {**paused, "generation": 3} == rollout(scene)
    assert states(fleet) == [True, False, False]
    scene.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1s"})
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    scene.policy("baseline", rollout=long, priority=3)
    scene.wait("tfp", "baseline", seconds=20, Ready="True", Enforced="True/Probed")
    assert rollout(scene)["state"] == "Complete", "an edit that changes nothing takes no pause"


def test_grace_ends_by_itself_and_only_then_the_batches_begin(operator: OperatorProcess, scene: Scene, fleet: list[StandIn]) -> None:
    scene.policy("baseline", rollout={"batchSize": 2, "pauseBetween": "3s", "stage": "Grace", "graceUntil": moment(seconds=10)})
    scene.wait("tfp", "baseline", seconds=9, Ready="True/Reported", Drifted="True", Enforced="False")
    scene.wait("ji", "c", Ready="True/Reported")
    assert "graceUntil" in scene.message("ji", "c")
    assert states(fleet) == [False, False, False]
    assert rollout(scene)["updated"] == 0
    scene.wait("tfp", "baseline", seconds=60, Ready="True", Enforced="True/Probed")
    assert rollout(scene)["state"] == "Complete"


def test_break_glass_waits_for_no_roll_out(operator: OperatorProcess, scene: Scene, fleet: list[StandIn]) -> None:
    scene.policy("baseline", rollout={"batchSize": 3})
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    scene.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1h"}, exemptGroups=["robots"])
    scene.break_glass("incident", moment(hours=1), "INC-7")
    wait_until(lambda: all(map(is_off, fleet)), seconds=20, what="break-glass is open everywhere")


def test_the_first_enforcement_waits_until_people_have_a_second_factor(
    operator: OperatorProcess, scene: Scene, fleet: list[StandIn]
) -> None:
    scene.kube.kubectl("patch", "ji", "a", "-n", scene.namespace, "--type=merge", "-p", '{"spec":{"checkInterval":"5s"}}')
    scene.policy("baseline", rollout={"batchSize": 1, "pauseBetween": "1h", "minimumEnrolled": 100})
    scene.wait("ji", "a", seconds=40, Ready="False/EnrolmentTooLow", Stalled="True")
    assert "0 % of 2 users" in scene.message("ji", "a"), "all but the operator's own account, which the gate lets in"
    assert not is_on(fleet[0])
    for name in ("alice", "bob"):
        fleet[0].browser(name, f"{name}-pw-1").enrol()
    scene.wait("ji", "a", seconds=30, Ready="True", Enforced="True/Probed")


def test_from_report_over_grace_to_enforcement_with_enough_people(operator: OperatorProcess, scene: Scene, fleet: list[StandIn]) -> None:
    """At the second Jenkins alone: in the first one people have enrolled already, where another test has been."""
    staged = {"batchSize": 1, "minimumEnrolled": 100}
    scene.kube.kubectl("delete", "ji", *NAMES, "-n", scene.namespace)
    scene.instance("b", fleet[1].url, credentialsRef={"name": "admin-b"}, checkInterval="5s")
    scene.policy("baseline", rollout={**staged, "stage": "Report"})
    scene.wait("ji", "b", Ready="True/Reported", Drifted="True", Enforced="False/NotActive", Stalled="False")
    assert "rollout.stage is Report" in scene.message("ji", "b")
    assert "so far " in scene.message("ji", "b")
    assert "users have a second factor, 100 % are asked for" in scene.message("ji", "b")
    scene.policy("baseline", rollout={**staged, "stage": "Grace", "graceUntil": moment(seconds=6)})
    scene.wait("tfp", "baseline", seconds=5, Ready="True/Reported", Enforced="False")
    assert "graceUntil" in scene.message("ji", "b")
    assert not is_on(fleet[1])
    scene.wait("ji", "b", seconds=40, Ready="False/EnrolmentTooLow", Stalled="True", Enforced="False")
    scene.wait("tfp", "baseline", Ready="False")
    assert not is_on(fleet[1]), "the time is over, and too few have enrolled"
    for name in ("alice", "bob"):
        fleet[1].browser(name, f"{name}-pw-1").enrol()
    scene.wait("tfp", "baseline", seconds=40, Ready="True", Enforced="True/Probed")
    assert rollout(scene)["state"] == "Complete"
    scene.policy("baseline", rollout={**staged, "stage": "Enforce"})
    scene.wait("tfp", "baseline", seconds=20, Ready="True", Enforced="True/Probed", Drifted="False")
