"""Restarts, and network failures during a change."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from jenkins2fa.core.assess import Proof
from jenkins2fa.jenkins.change import Step
from jenkins2fa.jenkins.errors import (
    ChangeUndone,
    ConfirmedUnobserved,
    JenkinsError,
    MultipleReplicas,
    Starting,
    Unauthorized,
    Unreachable,
)
from jenkins2fa.jenkins.probe import session_of
from tests.jenkins.conftest import failure_of, managed_of, through
from tests.support.actions import is_off, is_on
from tests.support.managed import Managed, layers, policy
from tests.support.proxy import Cut, Late, Lose, Proxy, Reset, Say
from tests.support.standin import StandIn
from tests.support.turns import InTurns, twin_of
from tests.support.waiting import wait_until


def test_503_while_jenkins_starts_is_transient(standin: StandIn, managed: Managed) -> None:
    session = managed.observe().session
    standin.faults(unavailableSeconds=0.8)
    assert isinstance(failure_of(managed), Starting)
    with pytest.raises(Starting):
        session_of(managed.connection)
    wait_until(lambda: not isinstance(caught(managed), Starting), seconds=5)
    assert session_of(managed.connection) == session == managed.observe().session


def test_401_around_a_restart_is_transient(standin: StandIn, managed: Managed) -> None:
    standin.faults(tokensRefusedSeconds=0.8)
    assert isinstance(failure_of(managed), Unauthorized)
    wait_until(lambda: caught(managed) is None, seconds=5)


def test_a_driver_survives_a_restart(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    with managed.driver() as driver:
        before = driver.observe().session
        standin.restart()
        after = driver.observe()
        assert after.session != before
        assert driver.confirm("unknown") == "Unknown"  # our resident classes too


def caught(managed: Managed) -> JenkinsError | None:
    try:
        managed.observe()
    except JenkinsError as problem:
        return problem
    return None


LOST = [Lose(), Late(1.6), Cut(3)]


@pytest.mark.parametrize("fault", LOST, ids=["lost", "late", "cut"])
def test_a_lost_reply_to_the_begin_request_is_settled_by_observation(javax_standin: StandIn, proxy: Proxy, fault: Any) -> None:
    """The trial had begun: the change continues and is not begun twice."""
    managed = through(proxy, javax_standin, read_seconds=1.2)
    managed.observe()
    prepare(managed, javax_standin)
    proxy.seen.clear()
    proxy.fault(fault, script="begin", times=1)
    result = managed.apply(policy(exemptGroups=["robots"]))
    assert [result.plan.changes, result.proof, proxy.seen.count("begin")] == [(), Proof.CHALLENGED, 1]


@pytest.mark.parametrize("fault", [Reset(), Say(503), Say(200, "<html>log in</html>")], ids=["reset", "503", "web page"])
def test_a_begin_request_that_never_arrived_is_an_undone_change(javax_standin: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, javax_standin)
    proxy.fault(fault, script="begin", times=1)
    with pytest.raises(ChangeUndone, match="did not begin"):
        managed.apply(policy())
    assert [layers(managed.observe()), is_off(javax_standin)] == [[None, False, False], True]


@pytest.mark.parametrize("fault", LOST, ids=["lost", "late", "cut"])
def test_a_lost_reply_to_the_confirmation_is_settled_by_observation(javax_standin: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, javax_standin, read_seconds=1.2)
    prepare(managed, javax_standin)
    proxy.seen.clear()
    proxy.fault(fault, script="confirm", times=1)
    result = managed.apply(policy(exemptGroups=["robots"]))
    assert [result.plan.changes, result.observation.trial.last_outcome, proxy.seen.count("confirm")] == [(), "confirmed", 1]
    assert is_on(javax_standin)


@pytest.mark.parametrize("fault", [Reset(), Say(503)], ids=["reset", "503"])
def test_a_confirmation_that_never_arrived_is_sent_again(javax_standin: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, javax_standin)
    proxy.fault(fault, script="confirm", times=1)
    assert not managed.apply(policy()).plan.changes
    assert is_on(javax_standin)


def test_a_confirmed_change_that_cannot_be_observed_is_not_reported_as_undone(javax_standin: StandIn, proxy: Proxy) -> None:
    managed = through(proxy, javax_standin)

    def cut(step: Step) -> None:
        if step is Step.VERIFY:
            proxy.fault(Reset())

    with pytest.raises(ConfirmedUnobserved, match="the change is confirmed"):
        managed.apply(policy(), cut)
    proxy.heal()
    seen = managed.observe()
    assert [layers(seen), seen.trial.last_outcome, is_on(javax_standin)] == [[True, True, True], "confirmed", True]


def test_a_network_outage_during_a_trial_undoes_it(javax_standin: StandIn, proxy: Proxy) -> None:
    managed = through(proxy, javax_standin)
    managed.trial_seconds = 2

    def cut(step: Step) -> None:
        if step is Step.PROBE:
            proxy.fault(Reset())

    with pytest.raises(Unreachable):
        managed.apply(policy(), cut)
    assert is_on(javax_standin)  # the operator cannot undo it, but Jenkins will
    wait_until(lambda: is_off(javax_standin), seconds=8)
    proxy.heal()
    seen = managed.observe()
    assert [layers(seen), seen.trial.last_outcome, seen.gate.installed] == [[None, False, False], "expired", 0]


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize("sticky", [False, True], ids=["by request", "by connection"])
def test_a_change_that_meets_another_replica_is_reported_and_undone(javax_standin: StandIn, sticky: bool, earlier: int) -> None:
    """Whichever step meets it: ``earlier`` requests before the change shift which process gets which step."""
    with twin_of(javax_standin) as twin, InTurns(javax_standin.url, twin.url, sticky=sticky) as door:
        for url in (javax_standin.url, twin.url):
            each = Managed(url, "admin", javax_standin.tokens["admin"])
            each.cancel(each.begin(policy()))  # it has compiled our scripts
        for _ in range(earlier):
            requests.get(door.url + "/login", timeout=10)
        managed = through(door, javax_standin)
        managed.trial_seconds = 4
        with pytest.raises(MultipleReplicas, match="several Jenkins processes"):
            managed.apply(policy())
        wait_until(lambda: [is_off(javax_standin), is_off(twin)] == [True, True], seconds=8, what="it is undone where it was begun")


def prepare(managed: Managed, jenkins: StandIn) -> None:
    """The policy is already in force, so all scripts are compiled and requests are fast."""
    managed_of(jenkins).apply(policy())
    assert managed.observe().effective
