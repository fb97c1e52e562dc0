"""What canaries met, as conditions: nothing is said of settings that nobody read."""

from __future__ import annotations

import pytest

from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import Condition
from jenkins2fa.core.assess import CanaryObservation, Failure, Outcome, Proof
from jenkins2fa.core.conditions import judge
from tests.support.literals import NOW, instance
from tests.support.managed import policy

CHALLENGED, BYPASSED, NONE = Proof.CHALLENGED, Proof.BYPASSED, Proof.NONE
DEAD = Failure("Unreachable", "no answer", transient=True)
WRONG = Failure("Unauthorized", "wrong password", transient=False)


def conditions(wanted: TwoFactorPolicy | None, canaries: CanaryObservation) -> tuple[Condition, ...]:
    return judge(Outcome(instance(), wanted, failure=canaries.failure, proof=canaries.challenged, canaries=canaries), NOW)


@pytest.mark.parametrize(
    ("canaries", "wanted", "enforced", "ready", "reconciling", "stalled"),
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
def test_each_case(
    canaries: CanaryObservation, wanted: TwoFactorPolicy | None, enforced: str, ready: str, reconciling: bool, stalled: bool
) -> None:
    found = {one.type: f"{one.status}/{one.reason}" for one in conditions(wanted, canaries)}
    assert [found["Enforced"], found["Ready"], found["Drifted"]] == [enforced, ready, "Unknown/NotObserved"]
    assert [found["Reconciling"].startswith("True"), found["Stalled"].startswith("True")] == [reconciling, stalled]


def test_the_message_says_that_layers_were_not_read() -> None:
    messages = {one.type: one.message for one in conditions(policy(), CanaryObservation(CHALLENGED))}
    assert "disk, memory, live flag and factors were not read" in messages["Enforced"]
    assert messages["Ready"] == messages["Enforced"]
