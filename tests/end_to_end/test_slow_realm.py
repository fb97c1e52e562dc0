"""A controller with a slow security realm: the first enforcement waits until all users are counted; the operator keeps observing."""

from __future__ import annotations

import pytest

from tests.support.actions import is_off, is_on
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

pytestmark = pytest.mark.own_jenkins

MANY = "(0..<25).each { hudson.model.User.getById(String.format('a%03d', it), true) }"


def test_nothing_is_enforced_before_all_users_are_counted(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    jenkins.groovy(MANY)
    jenkins.faults(lookupSeconds=0.2)  # five seconds for all of them; one reconcile spends three
    scene.instance("slow", jenkins.url)
    scene.policy("baseline", rollout={"minimumEnrolled": 50})
    scene.wait("ji", "slow", Ready="False/CountingUsers", Reconciling="True/CountingUsers", Stalled="False")
    assert is_off(jenkins)
    scene.wait("ji", "slow", seconds=60, Ready="False/EnrolmentTooLow")
    assert "0 % of 2 users" in scene.message("ji", "slow")
    scene.policy("baseline")
    wait_until(lambda: is_on(jenkins), seconds=60, what="it is enforced")
