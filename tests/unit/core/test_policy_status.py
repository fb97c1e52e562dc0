"""How a policy's status aggregates its instances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Factor
from jenkins2fa.api.status import Condition, PolicyStatus, policy_status_document
from jenkins2fa.core.policy_status import Escape, PolicyMember, aggregate_policy, factors_column
from tests.support.managed import policy


def test_a_policy_counts_and_names_who_escapes_it() -> None:
    escapes = [Escape(Key("tests", name), "access: Observe") for name in "dcba"]
    found = aggregate_policy(policy(), [member("x", **FINE)], escapes=escapes)
    assert policy_status_document(found)["instances"]["escaped"] == 4
    assert found.conditions[0].message.startswith(
        "4 instances of its namespaces escape this policy: tests/a (access: Observe), tests/b (access: Observe), "
        "tests/c (access: Observe) and 1 more; "
    )
    assert policy_status_document(aggregate_policy(policy(), [], escapes=[]))["instances"]["escaped"] == 0
    assert "escaped" not in policy_status_document(aggregate_policy(policy(), []))["instances"], "a policy of one namespace has none"


def member(name: str, **conditions: str) -> PolicyMember:
    """Conditions as `status/reason`; a member without any was not observed yet."""
    found = {kind: Condition(kind.capitalize(), *text.split("/"), f"{name} says {text}") for kind, text in conditions.items()}
    return PolicyMember(Key("tests", name), True, **found)


FINE = {"ready": "True/InForce", "stalled": "False/InForce", "enforced": "True/Probed", "drifted": "False/NoDrift"}


STUCK = {
    "ready": "False/Unauthorized",
    "stalled": "True/Unauthorized",
    "enforced": "Unknown/Unauthorized",
    "drifted": "Unknown/Unauthorized",
}


MOVING = {"ready": "False/Starting", "stalled": "False/Starting", "enforced": "Unknown/Starting", "drifted": "Unknown/Starting"}


DIFFERENT = {"ready": "True/Reported", "stalled": "False/Reported", "enforced": "False/NotActive", "drifted": "True/Differs"}


def conditions_of(status: PolicyStatus) -> list[str]:
    return [f"{condition.type}={condition.status}/{condition.reason}" for condition in status.conditions]


@pytest.mark.parametrize(
    ("members", "conditions", "column"),
    [
        (
            [],
            [
                "Ready=False/NoMatchingInstance",
                "Reconciling=False/NoMatchingInstance",
                "Stalled=True/NoMatchingInstance",
                "Enforced=Unknown/NoInstance",
                "Drifted=False/NoDrift",
            ],
            "0/0",
        ),
        (
            [FINE],
            ["Ready=True/InForce", "Reconciling=False/InForce", "Stalled=False/InForce", "Enforced=True/Probed", "Drifted=False/NoDrift"],
            "1/1",
        ),
        (
            [FINE, FINE],
            ["Ready=True/InForce", "Reconciling=False/InForce", "Stalled=False/InForce", "Enforced=True/Probed", "Drifted=False/NoDrift"],
            "2/2",
        ),
        (
            [FINE, STUCK],
            [
                "Ready=False/Unauthorized",
                "Reconciling=False/Unauthorized",
                "Stalled=True/Unauthorized",
                "Enforced=Unknown/Unauthorized",
                "Drifted=Unknown/Unknown",
            ],
            "1/2",
        ),
        (
            [FINE, MOVING],
            [
                "Ready=False/Starting",
                "Reconciling=True/Starting",
                "Stalled=False/Starting",
                "Enforced=Unknown/Starting",
                "Drifted=Unknown/Unknown",
            ],
            "1/2",
        ),
        (
            [STUCK, MOVING],
            [
                "Ready=False/InstancesFailing",
                "Reconciling=True/InstancesFailing",
                "Stalled=True/InstancesFailing",
                "Enforced=Unknown/Unverified",
                "Drifted=Unknown/Unknown",
            ],
            "0/2",
        ),
        (
            [FINE, DIFFERENT],
            [
                "Ready=True/Reported",
                "Reconciling=False/Reported",
                "Stalled=False/Reported",
                "Enforced=False/NotActive",
                "Drifted=True/Differs",
            ],
            "1/2",
        ),
        (
            [FINE, {}],
            [
                "Ready=False/Progressing",
                "Reconciling=True/Progressing",
                "Stalled=False/Progressing",
                "Enforced=Unknown/Progressing",
                "Drifted=Unknown/Unknown",
            ],
            "1/2",
        ),
    ],
)
def test_a_policy_aggregates_its_instances(members: list[dict[str, str]], conditions: list[str], column: str) -> None:
    status = aggregate_policy(policy(), [member(f"j{number}", **one) for number, one in enumerate(members)])
    assert [conditions_of(status), status.instances_column] == [conditions, column]


def test_a_policy_overridden_everywhere_or_on_some_instances() -> None:
    rival = Key("platform", "baseline")
    lost = PolicyMember(Key("tests", "j1"), False, rival)
    everywhere = aggregate_policy(policy(), [lost])
    assert conditions_of(everywhere)[0::2][:2] == ["Ready=False/Overridden", "Stalled=True/Overridden"]
    assert "platform/baseline" in everywhere.conditions[0].message
    some = aggregate_policy(policy(), [lost, member("j2", **FINE)])
    assert [conditions_of(some)[0], some.counts.overridden, some.counts.governed] == ["Ready=True/InForce", 1, 1]
    assert "1 more are governed by another policy" in some.conditions[0].message


def test_an_overridden_policy_says_that_priority_does_not_help() -> None:
    lost = PolicyMember(Key("tests", "j"), governed=False, overridden_by=Key("", "baseline"))
    (ready, *_) = aggregate_policy(policy(), [lost]).conditions
    assert ready.message == "overridden everywhere by ClusterTwoFactorPolicy baseline: select other instances"


def test_status_has_counts_columns_and_a_bounded_list_of_failures() -> None:
    members = [member(f"j{number:02}", **STUCK) for number in range(15)] + [member("x", **FINE), member("y", **DIFFERENT)]
    status = aggregate_policy(policy(enforcedGroups=["a"], allowedFactors=["SecurityQuestions", "WebAuthn"]), members)
    counts = status.counts
    assert [counts.selected, counts.governed, counts.enforced, counts.drifted, counts.failing] == [17, 17, 1, 1, 15]
    assert [status.scope_column, status.factors_column, len(status.failing)] == ["groups", "SecurityQuestions+1", 10]
    assert status.conditions[0].message.endswith("and 12 more")
    assert aggregate_policy(policy(), reversed(members)).failing == status.failing  # in order, whatever order they came in


@pytest.mark.parametrize(
    ("factors", "column"),
    [([], "none"), (["SecurityQuestions"], "SecurityQuestions"), (["SecurityQuestions", "EmailOTP", "YubiKey"], "EmailOTP+2")],
)
def test_the_column_of_factors(factors: list[str], column: str) -> None:
    assert factors_column(frozenset(map(Factor, factors))) == column


def test_a_suspended_policy_is_reported_as_suspended() -> None:
    desired = policy(suspend=True)
    assert conditions_of(aggregate_policy(desired, [member("j", **FINE)]))[0] == "Ready=True/Suspended"
    assert conditions_of(aggregate_policy(replace(desired, spec=desired.spec), [member("j", **STUCK)]))[0] == "Ready=False/Unauthorized"


def test_a_policy_suspended_during_a_failure_is_not_in_progress() -> None:
    desired = policy(suspend=True)
    for failure in (STUCK, MOVING):
        frozen = {**failure, "ready": "False/Suspended"}
        found = conditions_of(aggregate_policy(desired, [member("a", **FINE), member("j", **frozen)]))
        assert found[:3] == ["Ready=False/Suspended", "Reconciling=False/Suspended", "Stalled=True/Suspended"]
    unseen = conditions_of(aggregate_policy(desired, [member("a"), member("j", **frozen)]))
    assert unseen[1:3] == ["Reconciling=True/Suspended", "Stalled=False/Suspended"], "an instance has not been reconciled for it yet"
