"""A slow security realm: an observation is limited in time, the next one continues, and incomplete counts are reported as such."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from jenkins2fa.core.mode import Mode
from tests.jenkins.change.test_release_traces import NEVER_SEEN
from tests.jenkins.conftest import managed_of
from tests.support.managed import Managed, policy
from tests.support.standin import StandIn

USERS, LOOKUP = 24, 0.25  # six seconds if all are looked up at once
BOUND = 8.0
MANY = f"(0..<{USERS}).each {{ hudson.model.User.getById(String.format('a%03d', it), true) }}"  # before dave, in Jenkins' order
FEW = "hudson.model.User.getAll().findAll { it.id ==~ /a[0-9]{3}/ }*.delete()"


@pytest.fixture
def slow(with_groups: StandIn) -> Iterator[Managed]:
    with_groups.groovy(NEVER_SEEN)  # forget what earlier tests have cached of this realm
    managed = managed_of(with_groups)
    managed.observe()
    with_groups.groovy(MANY)
    with_groups.faults(lookupSeconds=LOOKUP)
    try:
        yield managed
    finally:
        with_groups.faults(lookupSeconds=0)
        with_groups.groovy(FEW)


def test_members_of_groups_are_found_by_several_short_observations(slow: Managed) -> None:
    looks = 0
    with slow.driver() as driver:
        while True:
            begun = time.monotonic()
            groups = driver._console.run("observe", groups=["Ops", "Opps"], users=False)["groups"]
            assert time.monotonic() - begun < BOUND
            looks += 1
            if groups["complete"]:
                break
            assert looks < 30
        begun = time.monotonic()
        again = driver._console.run("observe", groups=["Ops"], users=False)["groups"]
        assert time.monotonic() - begun < 1 + LOOKUP * 2  # remembered: only the caller is looked up
    assert groups["known"] == ["Ops"]
    assert looks > 1
    assert again == {"known": ["Ops"], "complete": True}


def test_users_are_counted_by_several_short_observations_before_a_decision(slow: Managed) -> None:
    wanted = policy(rollout={"minimumEnrolled": 50})
    looks = []
    with slow.driver() as driver:
        while not looks or not looks[-1].enrolment.complete:
            begun = time.monotonic()
            looks.append(driver.observe(users=True))
            assert time.monotonic() - begun < BOUND
            assert len(looks) < 15
    counts = [seen.enrolment for seen in looks]
    assert len(counts) > 1
    assert [counts[-1].total, counts[-1].not_enrolled, counts[-1].unknown] == [4, 4, USERS]
    found = slow.assess(wanted, looks[0])
    assert [found.mode, found.refused and found.refused.reason] == [Mode.WRITE, "EnrolmentTooLow"]
    assert "still looking up" in (found.refused.message if found.refused else "")
    complete = slow.assess(wanted, looks[-1])
    assert "0 % of 4 users" in (complete.refused.message if complete.refused else "")
