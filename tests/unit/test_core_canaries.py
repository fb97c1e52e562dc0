"""What canaries met, as conditions: nothing is said of settings that nobody read."""

from __future__ import annotations

import pytest

from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.core.canaries import CanaryLook, judge_canaries
from jenkins2fa.core.conditions import Proof, Trouble
from tests.support.managed import policy

CHALLENGED, BYPASSED, NONE = Proof.CHALLENGED, Proof.BYPASSED, Proof.NONE
DEAD = Trouble("Unreachable", "no answer", transient=True)
WRONG = Trouble("Unauthorized", "wrong password", transient=False)


@pytest.mark.parametrize(
    ("look", "wanted", "enforced", "ready", "reconciling", "stalled"),
    [
        (CanaryLook(CHALLENGED), policy(), "True/Probed", "True/InForce", False, False),
        (CanaryLook(CHALLENGED), None, "True/Probed", "True/InForce", False, False),
        (CanaryLook(CHALLENGED, BYPASSED), policy(), "True/Probed", "True/InForce", False, False),
        (CanaryLook(CHALLENGED, CHALLENGED), policy(), "Unknown/ExemptChallenged", "False/ExemptChallenged", False, True),
        (CanaryLook(BYPASSED), policy(), "False/Bypassed", "False/Bypassed", False, True),
        (CanaryLook(BYPASSED, NONE, DEAD), policy(), "False/Bypassed", "False/Bypassed", False, True),
        (CanaryLook(NONE, None, DEAD), policy(), "Unknown/Unreachable", "False/Unreachable", True, False),
        (CanaryLook(NONE, None, WRONG), policy(), "Unknown/Unauthorized", "False/Unauthorized", False, True),
        (CanaryLook(CHALLENGED, NONE, DEAD), policy(), "Unknown/Unreachable", "False/Unreachable", True, False),
        (CanaryLook(), policy(), "Unknown/Unverified", "True/Unverified", False, False),
        (CanaryLook(BYPASSED), policy(enforcement="Off"), "False/Off", "True/Off", False, False),
        (CanaryLook(CHALLENGED), policy(enforcement="Off"), "False/Off", "False/StillChallenged", False, True),
        (CanaryLook(NONE, None, DEAD), policy(enforcement="Off"), "False/Off", "False/Unreachable", True, False),
    ],
)
def test_each_case(look: CanaryLook, wanted: TwoFactorPolicy | None, enforced: str, ready: str, reconciling: bool, stalled: bool) -> None:
    found = {one.type: f"{one.status}/{one.reason}" for one in judge_canaries(wanted, look)}
    assert [found["Enforced"], found["Ready"], found["Drifted"]] == [enforced, ready, "Unknown/NotObserved"]
    assert [found["Reconciling"].startswith("True"), found["Stalled"].startswith("True")] == [reconciling, stalled]


def test_the_message_says_that_layers_were_not_read() -> None:
    messages = {one.type: one.message for one in judge_canaries(policy(), CanaryLook(CHALLENGED))}
    assert "disk, memory, live flag and factors were not read" in messages["Enforced"]
    assert messages["Ready"] == messages["Enforced"]
