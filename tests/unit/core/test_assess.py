"""The record of a reconcile: flapping, and whether 2FA should be in force now."""

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


def off(observation: Observation) -> Observation:
    """Somebody has switched it off in Jenkins; our owner record stays."""
    return replace(observation, **SWITCHED_OFF)


def assessed(desired: TwoFactorPolicy, observation: Observation) -> Assessment:
    """Assessed by a reconcile that the rollout has not admitted yet."""
    return assess(desired, instance(), observation, CODE, cluster="cluster", now=NOW, admitted=False)


def waiting(desired: TwoFactorPolicy, observation: Observation, proof: Proof = Proof.NONE) -> bool | None:
    return enforcement_desired(
        Outcome(instance(), desired, Assessment(observation, plan(observation, desired.spec), mode=Mode.WAITING), proof=proof)
    )


def test_an_edit_without_effect_keeps_drift_correction_on_while_an_instance_waits() -> None:
    observation = in_force(policy(**BY_ONE).spec)
    assert assessed(policy(**BY_ONE, priority=7), off(observation)).may_write
    assert assessed(policy(**BY_ONE, exemptGroups=["robots"]), off(observation)).mode is Mode.WAITING
    assert assessed(policy(**BY_ONE), FRESH).mode is Mode.WAITING, "the first enforcement is no drift"


def test_enforcement_switched_off_is_an_alarm_even_while_the_instance_waits() -> None:
    desired, observation = policy(**BY_ONE, exemptGroups=["robots"]), in_force(policy(**BY_ONE).spec)
    assert waiting(desired, observation) is False, "enforced, but laxer than a policy that still waits"
    assert waiting(desired, off(observation)) is True
    assert waiting(desired, replace(observation, live=False)) is True
    assert waiting(desired, replace(observation, disk=FRESH.memory)) is True
    assert waiting(desired, observation, Proof.BYPASSED) is True


def test_waiting_for_the_first_enforcement_is_no_alarm() -> None:
    desired = policy(**BY_ONE)
    assert waiting(desired, FRESH) is False
    assert waiting(desired, in_force(policy(mode="Disabled").spec)) is False, "disabled by the policy itself until this edit"
    another = in_force(policy(exemptGroups=["x"]).spec)
    assert another.owner is not None
    assert waiting(desired, off(replace(another, owner=replace(another.owner, instance="another")))) is False


@pytest.mark.parametrize(
    ("fields", "mode", "expected"),
    [
        ({}, Mode.WRITE, True),
        ({"mode": "Disabled"}, Mode.WRITE, False),
        ({"mode": "Audit"}, Mode.AUDIT, False),
        ({"suspend": True}, Mode.SUSPENDED, False),
        (BY_ONE, Mode.WAITING, True),
        (GRACE, Mode.GRACE, None),
    ],
)
def test_a_failure_does_not_change_what_should_be_enforced(fields: dict[str, Any], mode: Mode, expected: bool | None) -> None:
    assert enforcement_desired(Outcome(instance(), policy(**fields), mode_by_spec=mode, failure=AWAY)) is expected


def test_an_invalid_policy_or_none_leaves_no_desired_state() -> None:
    assert enforcement_desired(Outcome(instance(), replace(policy(), invalid=True), failure=AWAY)) is None
    assert enforcement_desired(Outcome(instance(), failure=AWAY)) is False


def test_an_unreachable_controller_is_to_be_enforced_after_an_operator_start() -> None:
    metrics = Metrics()
    metrics.tally.note(Outcome(instance(), policy(), failure=AWAY), NOW)
    facts = metrics.tally.of(instance().meta.key, "instance-uid")
    assert facts is not None
    assert facts.enforcement_desired
    metrics.tally.note(Outcome(instance(), replace(policy(), invalid=True), failure=AWAY), NOW)
    assert facts.enforcement_desired, "an unknown state stays as it was"
    metrics.tally.note(Outcome(instance(), policy(suspend=True), mode_by_spec=Mode.SUSPENDED), NOW)
    assert not facts.enforcement_desired


def test_flapping_counts_three_corrections_within_an_hour() -> None:
    minutes = [NOW - timedelta(minutes=one) for one in (1, 20, 59, 61)]
    observation = replace(FRESH, corrections={"mode": tuple(minutes[:3]), "allowedFactors": tuple(minutes[1:])})
    assert flapping_fields(observation, NOW) == ("mode",)
