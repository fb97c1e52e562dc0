"""What a policy reports of its rollout, and which instances it has reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Rollout
from jenkins2fa.api.status import Condition, policy_status_document, rollout_status
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.rollout import AFTER_ADMISSION, _standing, progress_of, until_next
from jenkins2fa.core.assess import Assessment, Outcome
from jenkins2fa.core.conditions import judge_ready
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from jenkins2fa.core.policy_status import PolicyMember, aggregate_policy
from jenkins2fa.core.rollout import Progress, RolloutState, Standing, advance
from tests.support.literals import FRESH, MANAGED, NOW, plan
from tests.support.literals import instance as make_instance
from tests.support.managed import policy


def condition(kind: str, text: str, message: str = "") -> Condition:
    status, reason = text.split("/")
    return Condition(kind, status, reason, message)


def member(name: str, ready: str, stalled: str = "False/X") -> PolicyMember:
    ready_condition = condition("Ready", ready, f"{name} says {ready}")
    return PolicyMember(
        Key("tests", name), True, None, ready_condition, condition("Stalled", stalled), condition("Enforced", "True/Probed")
    )


DONE, WAITS, FAILED = (
    member("a", "True/InForce"),
    member("c", "False/WaitingForRollout"),
    member("b", "False/Unauthorized", "True/Unauthorized"),
)


def conditions_of(state: RolloutState, *members: PolicyMember, staged: bool = False, **spec: object) -> dict[str, str]:
    progress = Progress(1, state, admitted=2, updated=1, failed=1, total=3)
    found = aggregate_policy(policy(**spec), members, progress, staged=staged).conditions
    return {one.type: f"{one.status}/{one.reason}" for one in found} | {"message": found[0].message}


def test_a_continuing_rollout_needs_no_attention_despite_a_failed_instance() -> None:
    found = conditions_of(RolloutState.PROGRESSING, DONE, FAILED, WAITS)
    assert (found["Ready"], found["Reconciling"], found["Stalled"]) == ("False/RollingOut", "True/RollingOut", "False/RollingOut")
    assert "1 of 3 instances are done, 2 may change" in found["message"]
    assert "tests/b: b says" in found["message"]
    assert "tests/c" not in found["message"], "one that waits has not failed"


def test_a_stopped_rollout_needs_attention_and_names_the_failures() -> None:
    found = conditions_of(RolloutState.STOPPED, DONE, FAILED, WAITS)
    assert (found["Ready"], found["Reconciling"], found["Stalled"]) == (
        "False/RolloutStopped",
        "False/RolloutStopped",
        "True/RolloutStopped",
    )
    assert "tests/b: b says False/Unauthorized" in found["message"]


def test_conditions_ignore_a_complete_rollout_a_grace_period_and_a_suspended_policy() -> None:
    assert conditions_of(RolloutState.COMPLETE, DONE)["Ready"] == "True/InForce"
    assert conditions_of(RolloutState.PROGRESSING, member("a", "True/Reported"), staged=True)["Ready"] == "True/Reported"
    assert conditions_of(RolloutState.PROGRESSING, DONE, suspend=True)["Ready"] == "True/Suspended"
    assert conditions_of(RolloutState.PROGRESSING)["Ready"] == "False/NoMatchingInstance"


def test_progress_survives_a_round_trip_through_the_status() -> None:
    for progress in (Progress(3, RolloutState.PAUSING, 4, 3, 1, 9, NOW), Progress(1)):
        document = policy_status_document(aggregate_policy(policy(), [DONE], progress))
        assert progress_of({"status": document}) == progress
    assert rollout_status({"status": policy_status_document(aggregate_policy(policy(), [DONE]))}) is None


@pytest.mark.parametrize(
    ("ready", "staged", "wanted"),
    [
        ("True/InForce", False, (True, True, False)),
        ("True/Reported", False, (True, True, False)),
        ("True/Reported", True, (False, False, False)),
        ("False/WaitingForRollout", False, (False, False, False)),
        ("False/Starting", False, (True, False, False)),
        ("False/EnrolmentTooLow", False, (True, False, False)),
        ("False/Unauthorized", False, (True, False, True)),
        ("False/Bypassed", False, (True, False, True)),
    ],
)
def test_instances_count_as_reached_ready_or_failed(ready: str, staged: bool, wanted: tuple[bool, bool, bool]) -> None:
    key = Key("tests", "a")
    assert _standing(key, condition("Ready", ready), staged) == Standing(key, *wanted)
    assert _standing(key, None, staged) == Standing(key, reached=False, ready=False, failed=False, reported=False)


def test_a_report_from_the_grace_period_does_not_count_after_its_end() -> None:
    held = Outcome(make_instance(), policy(), Assessment(FRESH, plan(FRESH, policy().spec), mode=Mode.GRACE))
    waits = judge_ready(held, condition("Enforced", "False/NotActive"))
    assert waits.reason == "Reported"
    assert not _standing(Key("tests", "a"), waits, False).reached
    observed = replace(waits, message=f"{Mode.REPORT_ACCESS.value}; differing: …")
    assert _standing(Key("tests", "a"), observed, False).done


def test_a_batch_without_changes_takes_no_time() -> None:
    found = [Standing(Key("n", str(number)), True, True, failed=False) for number in range(9)]
    progress = advance(Rollout(batch_size=2, pause_between=timedelta(hours=1)), 1, None, found, NOW)
    assert progress == Progress(1, RolloutState.COMPLETE, admitted=9, updated=9, total=9)


def test_a_policy_created_before_its_instances_rolls_out_to_them() -> None:
    rollout = Rollout(batch_size=1)
    empty = advance(rollout, 1, None, [], NOW)
    assert empty is not None
    assert empty.state is RolloutState.PROGRESSING
    found = [Standing(Key("n", str(number)), False, False, failed=False) for number in range(3)]
    later = advance(rollout, 1, empty, found, NOW)
    assert later == Progress(1, RolloutState.PROGRESSING, admitted=1, total=3)


def test_a_clock_set_back_does_not_extend_a_pause() -> None:
    rollout = Rollout(batch_size=1, pause_between=timedelta(minutes=10))
    found = [Standing(Key("n", str(number)), number < 1, number < 1, failed=False) for number in range(3)]
    ahead = Progress(1, RolloutState.PAUSING, admitted=1, updated=1, total=3, batch_ready=NOW + timedelta(days=1))
    now = advance(rollout, 1, ahead, found, NOW)
    assert now is not None
    assert now.batch_ready == NOW


def test_after_an_admission_the_policy_is_reconciled_again_at_once() -> None:
    """An admitted instance that is ready already reports nothing new, so no event causes the next reconcile."""
    rolling = policy(rollout={"batchSize": 1, "pauseBetween": "10m"})
    context = cast(Context, SimpleNamespace(now=lambda: NOW))

    def seconds(before: Progress, after: Progress) -> float | None:
        return until_next(context, rolling, {"status": policy_status_document(aggregate_policy(rolling, [DONE], before))}, after)

    one, two = Progress(1, admitted=1, total=3), Progress(1, admitted=2, total=3)
    assert seconds(one, two) == AFTER_ADMISSION
    assert seconds(two, Progress(2, admitted=1, total=3)) == AFTER_ADMISSION, "nobody was admitted for another generation"
    assert seconds(two, two) is None
    paused = Progress(1, RolloutState.PAUSING, admitted=2, total=3, batch_ready=NOW)
    assert seconds(paused, paused) == pytest.approx(600.1)


def test_the_grace_period_is_reported_before_the_wait_for_a_batch() -> None:
    staged = policy(rollout={"graceUntil": "2099-01-01T00:00:00Z", "batchSize": 1}).spec
    assert mode_of(staged, MANAGED, Circumstances(NOW, admitted=False)) is Mode.GRACE
    assert mode_of(staged, MANAGED, Circumstances(NOW, protected=True, admitted=False)) is Mode.WAITING
