"""A policy's status stays small however many instances it selects: lists are bounded, and counts say how many there are."""

from __future__ import annotations

import json

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, STALLED, TRUE, Condition, policy_status_document
from jenkins2fa.core.policy_status import PolicyMember, aggregate_policy
from jenkins2fa.core.rollout import Progress, RolloutState
from tests.support.managed import policy

SIZE, SMALL = 1000, 10 * 1024  # five messages of 1 KiB, ten of the longest names that Kubernetes allows, and counts
LONG = "x" * 1024


def member(number: int, *, fails: bool) -> PolicyMember:
    status = FALSE if fails else TRUE
    return PolicyMember(
        Key("n" * 63, f"{number:04}-{'j' * 240}"),
        governed=number >= 100,
        overridden_by=Key("platform", f"baseline-{number}") if number < 100 else None,
        ready=Condition(READY, status, "Unauthorized" if fails else "InForce", LONG),
        stalled=Condition(STALLED, TRUE if fails else FALSE, "Unauthorized", LONG),
        enforced=Condition(ENFORCED, status, "Probed", LONG),
        drifted=Condition(DRIFTED, TRUE if fails else FALSE, "Differs", LONG),
    )


@pytest.mark.parametrize("rollout", [None, Progress(1, RolloutState.STOPPED, admitted=900, updated=0, failed=900, total=900)])
@pytest.mark.parametrize("failing", [0, 1, 900])
def test_the_status_stays_small_with_a_thousand_instances(failing: int, rollout: Progress | None) -> None:
    desired = policy(rollout={"batchSize": 1}) if rollout else policy()
    members = [member(number, fails=number >= SIZE - failing) for number in range(SIZE)]
    document = policy_status_document(aggregate_policy(desired, members, rollout))
    assert len(json.dumps(document).encode()) < SMALL
    assert len(document.get("failing") or ()) == min(failing, 10)
    assert document["instances"] == {
        "selected": SIZE, "governed": 900, "overridden": 100, "enforced": 900 - failing, "drifted": failing, "failing": failing,
    }  # fmt: skip
