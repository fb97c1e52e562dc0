"""The record of a reconcile: what it says of flapping, and whether 2FA is to be in force now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.telemetry.metrics import Metrics
from jenkins2fa.core.assess import Assessment, Failure, Outcome, Proof, assess, enforcement_desired, flapping_fields
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from tests.support.literals import (
    CODE,
    FRESH,
    NOW,
    in_force,
    instance,
    plan,
    policy,
)

AWAY = Failure("Unreachable", "no answer", transient=True)


BY_ONE: dict[str, Any] = {"rollout": {"batchSize": 1}}


GRACE: dict[str, Any] = {"rollout": {"graceUntil": "2099-01-01T00:00:00Z"}}


SWITCHED_OFF = {"live": False, "memory": FRESH.memory, "disk": FRESH.memory}


def off(seen: Observation) -> Observation:
    """Somebody has switched it off in Jenkins; our mark stays."""
    return replace(seen, **SWITCHED_OFF)


def assessed(wanted: TwoFactorPolicy, seen: Observation) -> Assessment:
    """By a pass that the roll-out has not reached."""
    return assess(wanted, instance(), seen, CODE, cluster="cluster", now=NOW, admitted=False)


def waiting(wanted: TwoFactorPolicy, seen: Observation, proof: Proof = Proof.NONE) -> bool | None:
    return enforcement_desired(Outcome(instance(), wanted, Assessment(seen, plan(seen, wanted.spec), mode=Mode.WAITING), proof=proof))


def test_an_edit_that_changes_nothing_leaves_drift_correction_on_in_an_instance_that_waits() -> None:
    seen = in_force(policy(**BY_ONE).spec)
    assert assessed(policy(**BY_ONE, priority=7), off(seen)).may_write
    assert assessed(policy(**BY_ONE, exemptGroups=["robots"]), off(seen)).mode is Mode.WAITING
    assert assessed(policy(**BY_ONE), FRESH).mode is Mode.WAITING, "the first enforcement is no drift"


def test_one_that_was_enforced_and_is_off_is_an_alarm_also_while_it_waits() -> None:
    wanted, seen = policy(**BY_ONE, exemptGroups=["robots"]), in_force(policy(**BY_ONE).spec)
    assert waiting(wanted, seen) is False, "on, and laxer than a wish that has to wait"
    assert waiting(wanted, off(seen)) is True
    assert waiting(wanted, replace(seen, live=False)) is True
    assert waiting(wanted, replace(seen, disk=FRESH.memory)) is True
    assert waiting(wanted, seen, Proof.BYPASSED) is True


def test_a_first_enforcement_that_waits_is_no_alarm() -> None:
    wanted = policy(**BY_ONE)
    assert waiting(wanted, FRESH) is False
    assert waiting(wanted, in_force(policy(mode="Disabled").spec)) is False, "Off by the policy itself until this edit"
    another = in_force(policy(exemptGroups=["x"]).spec)
    assert another.owner is not None
    assert waiting(wanted, off(replace(another, owner=replace(another.owner, instance="another")))) is False


@pytest.mark.parametrize(
    ("fields", "mode", "wanted"),
    [
        ({}, Mode.WRITE, True),
        ({"mode": "Disabled"}, Mode.WRITE, False),
        ({"mode": "Audit"}, Mode.AUDIT, False),
        ({"suspend": True}, Mode.SUSPENDED, False),
        (BY_ONE, Mode.WAITING, True),
        (GRACE, Mode.GRACE, None),
    ],
)
def test_trouble_leaves_what_the_policy_says(fields: dict[str, Any], mode: Mode, wanted: bool | None) -> None:
    assert enforcement_desired(Outcome(instance(), policy(**fields), mode_by_spec=mode, failure=AWAY)) is wanted


def test_an_invalid_policy_tells_nothing_and_without_one_nothing_is_wanted() -> None:
    assert enforcement_desired(Outcome(instance(), replace(policy(), invalid=True), failure=AWAY)) is None
    assert enforcement_desired(Outcome(instance(), failure=AWAY)) is False


def test_a_jenkins_that_is_away_when_the_operator_starts_is_wanted() -> None:
    metrics = Metrics()
    metrics.tally.note(Outcome(instance(), policy(), failure=AWAY), NOW)
    facts = metrics.tally.of(instance().meta.key, "instance-uid")
    assert facts is not None
    assert facts.enforcement_desired
    metrics.tally.note(Outcome(instance(), replace(policy(), invalid=True), failure=AWAY), NOW)
    assert facts.enforcement_desired, "what cannot be told stays as it was"
    metrics.tally.note(Outcome(instance(), policy(suspend=True), mode_by_spec=Mode.SUSPENDED), NOW)
    assert not facts.enforcement_desired


def test_flapping_counts_three_corrections_within_an_hour() -> None:
    minutes = [NOW - timedelta(minutes=one) for one in (1, 20, 59, 61)]
    seen = replace(FRESH, corrections={"mode": tuple(minutes[:3]), "allowedFactors": tuple(minutes[1:])})
    assert flapping_fields(seen, NOW) == ("mode",)
