"""The conditions of an instance except Enforced, and the state of each field of its policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import Condition
from jenkins2fa.core.assess import CanaryObservation, Failure, Outcome, Proof
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED, field_statuses, judge
from jenkins2fa.core.guard.finding import Finding, Severity
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from tests.support.literals import FRESH, MANAGED, NOW, in_force, instance, spec
from tests.support.managed import policy
from tests.support.outcomes import conditions_of, outcome


def test_an_enforced_instance_has_its_conditions() -> None:
    assert conditions_of(outcome()) == {
        "Ready": "True/InForce",
        "Reconciling": "False/InForce",
        "Stalled": "False/InForce",
        "Enforced": "True/Probed",
        "Drifted": "False/NoDrift",
    }


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("observation", [None, FRESH])
def test_a_failure_is_reconciling_or_stalled_and_never_both(transient: bool, observation: Observation | None) -> None:
    found = conditions_of(Outcome(instance(), policy(), observation, failure=Failure("Unreachable", "what happened", transient)))
    assert found["Ready"] == "False/Unreachable"
    assert [found["Reconciling"].split("/")[0], found["Stalled"].split("/")[0]] == (["True", "False"] if transient else ["False", "True"])
    assert found["Drifted"] == "Unknown/Unreachable"


@pytest.mark.parametrize(
    ("more", "ready", "reconciling", "stalled"),
    [
        ({"mode": Mode.SUSPENDED}, "True/Suspended", False, False),
        ({"mode": Mode.BREAK_GLASS}, "True/BreakGlass", False, False),
        ({"mode": Mode.AUDIT, "observation": FRESH}, "True/Reported", False, False),
        ({"mode": Mode.REPORT_DRIFT, "observation": FRESH, "drift": True}, "True/Reported", False, False),
        ({"observation": FRESH}, "False/Progressing", True, False),
        ({"findings": (Finding("NoFactor", "m", path="allowedFactors"),)}, "False/NoFactor", False, True),
        ({"findings": (Finding("NoMailServer", "m", Severity.HAZARD),)}, "True/InForce", False, False),
        ({"fields": {"rememberDevice": "12h"}}, "False/Unsupported", False, True),
        ({"proof": Proof.BYPASSED}, "False/Bypassed", True, False),
    ],
)
def test_ready(more: dict[str, Any], ready: str, reconciling: bool, stalled: bool) -> None:
    found = conditions_of(outcome(more.pop("observation", None), **more))
    assert [found["Ready"], found["Reconciling"].startswith("True"), found["Stalled"].startswith("True")] == [ready, reconciling, stalled]


def test_a_suspended_instance_has_unknown_enforcement() -> None:
    found = Outcome(instance(), policy(), mode_by_spec=Mode.SUSPENDED)
    ready = judge(found, NOW)[0]
    assert ready.message == "the policy is suspended: nothing is written or observed, so it is not known whether it is enforced"
    reasons = conditions_of(found)
    assert [reasons["Ready"], reasons["Enforced"], reasons["Drifted"]] == ["True/Suspended", "Unknown/Suspended", "Unknown/Suspended"]


def test_an_instance_without_a_policy_is_ready_and_unknown() -> None:
    found = conditions_of(Outcome(instance(), None, FRESH))
    assert [found["Ready"], found["Enforced"], found["Drifted"]] == ["True/NoPolicy", "Unknown/NoPolicy", "False/NoPolicy"]


def test_drifted() -> None:
    observation = replace(in_force(spec()), live=False)
    assert conditions_of(outcome(observation, drift=True))["Drifted"] == "True/Differs"
    assert conditions_of(outcome(observation, drift=False))["Drifted"] == "False/NoDrift"  # a change of the policy, being applied
    assert conditions_of(outcome(observation, mode=Mode.AUDIT))["Drifted"] == "True/Differs"
    assert conditions_of(outcome(corrected=("mode",)))["Drifted"] == "False/Corrected"


def test_every_policy_field_has_a_state() -> None:
    fields = {"exemptGroups": ["r"], "rememberDevice": "12h", "requireOnBuild": {"window": "15m"}}
    observation = in_force(spec(**fields))
    states = {one.path: one.state for one in field_statuses(outcome(observation, fields=fields))}
    assert states == {
        "mode": "Applied",
        "exemptGroups": "Applied",
        "allowedFactors": "Applied",
        "requireOnBuild": "Applied",
        "rememberDevice": "Unsupported",
        "apiTokens": "Applied",
        "gate": "Applied",
    }
    drifted = {one.path: one.state for one in field_statuses(outcome(replace(observation, live=False), fields=fields, drift=True))}
    assert drifted["mode"] == "Drifted"
    refusal = Finding("OwnedElsewhere", "m")
    refused = {
        one.path: (one.state, one.message)
        for one in field_statuses(outcome(replace(observation, live=False), fields=fields, findings=(refusal,)))
    }
    assert [refused["mode"], refused["exemptGroups"][0]] == [("Refused", "m"), "Applied"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"exemptGroups": ["robots"], "apiTokens": "Exempt"}, "exemptGroups"),
        ({"enforcedGroups": ["staff"]}, "enforcedGroups"),
        ({"apiTokens": "Exempt"}, "apiTokens"),
        ({"apiTokens": "Challenge"}, None),
    ],
)
def test_an_exempt_canary_that_is_challenged_needs_attention(fields: dict[str, Any], path: str | None) -> None:
    desired = policy(**fields)
    observation = replace(in_force(desired.spec, MANAGED), known_groups=frozenset({"staff"}))
    found = outcome(observation, fields=fields, notes=(EXEMPT_CHALLENGED,))
    assert conditions_of(found) == {
        "Ready": "False/ExemptChallenged",
        "Reconciling": "False/ExemptChallenged",
        "Stalled": "True/ExemptChallenged",
        "Enforced": "True/Probed",
        "Drifted": "False/NoDrift",
    }
    assert {one.path: one.message for one in field_statuses(found) if one.state != "Applied"} == ({path: EXEMPT_CHALLENGED} if path else {})


CHALLENGED, BYPASSED, NONE = Proof.CHALLENGED, Proof.BYPASSED, Proof.NONE
DEAD = Failure("Unreachable", "no answer", transient=True)


WRONG = Failure("Unauthorized", "wrong password", transient=False)


def conditions(desired: TwoFactorPolicy | None, canaries: CanaryObservation) -> tuple[Condition, ...]:
    return judge(Outcome(instance(), desired, failure=canaries.failure, proof=canaries.challenged, canaries=canaries), NOW)


@pytest.mark.parametrize(
    ("canaries", "desired", "enforced", "ready", "reconciling", "stalled"),
    [
        (CanaryObservation(CHALLENGED), policy(), "True/Probed", "True/InForce", False, False),
        (CanaryObservation(CHALLENGED), None, "True/Probed", "True/InForce", False, False),
        (CanaryObservation(CHALLENGED, BYPASSED), policy(), "True/Probed", "True/InForce", False, False),
        (CanaryObservation(CHALLENGED, CHALLENGED), policy(), "Unknown/ExemptChallenged", "False/ExemptChallenged", False, True),
        (CanaryObservation(BYPASSED), policy(), "False/Bypassed", "False/Bypassed", False, True),
        (CanaryObservation(BYPASSED, NONE, DEAD), policy(), "False/Bypassed", "False/Bypassed", False, True),
        (CanaryObservation(NONE, None, DEAD), policy(), "Unknown/Unreachable", "False/Unreachable", True, False),
        (CanaryObservation(NONE, None, WRONG), policy(), "Unknown/Unauthorized", "False/Unauthorized", False, True),
        (CanaryObservation(CHALLENGED, NONE, DEAD), policy(), "Unknown/Unreachable", "False/Unreachable", True, False),
        (CanaryObservation(), policy(), "Unknown/Unverified", "True/Unverified", False, False),
        (CanaryObservation(BYPASSED), policy(mode="Disabled"), "False/Disabled", "True/Disabled", False, False),
        (CanaryObservation(CHALLENGED), policy(mode="Disabled"), "False/Disabled", "False/StillChallenged", False, True),
        (CanaryObservation(NONE, None, DEAD), policy(mode="Disabled"), "False/Disabled", "False/Unreachable", True, False),
    ],
)
def test_canaries(
    canaries: CanaryObservation, desired: TwoFactorPolicy | None, enforced: str, ready: str, reconciling: bool, stalled: bool
) -> None:
    found = {one.type: f"{one.status}/{one.reason}" for one in conditions(desired, canaries)}
    assert [found["Enforced"], found["Ready"], found["Drifted"]] == [enforced, ready, "Unknown/NotObserved"]
    assert [found["Reconciling"].startswith("True"), found["Stalled"].startswith("True")] == [reconciling, stalled]


def test_a_probe_only_message_says_that_layers_were_not_read() -> None:
    messages = {one.type: one.message for one in conditions(policy(), CanaryObservation(CHALLENGED))}
    assert "disk, memory, live flag and factors were not read" in messages["Enforced"]
    assert messages["Ready"] == messages["Enforced"]
