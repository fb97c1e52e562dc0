"""Which policy governs an instance, and what a policy's status says of its instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.instance import Access
from jenkins2fa.api.meta import Key, LabelSelector, Metadata
from jenkins2fa.api.policy import Factor, TwoFactorPolicy
from jenkins2fa.api.status import Condition, PolicyStatus, policy_status_document
from jenkins2fa.core.policy_status import Escape, Member, aggregate, factors_column
from jenkins2fa.core.precedence import escape_of, resolve, selects
from tests.support.literals import MANAGED, NOW, instance, spec
from tests.support.managed import policy

NAMESPACES = {"tests": {"tier": "production"}, "other": {}, "platform": {}}


def named(name: str, namespace: str = "tests", *, age: int = 0, deleting: bool = False, **fields: Any) -> TwoFactorPolicy:
    """`age` in hours."""
    return TwoFactorPolicy(Metadata(namespace, name, uid=name, created=NOW - timedelta(hours=age), deleting=deleting), spec(**fields))


def cluster(name: str, namespaces: dict[str, str] | None = None, **fields: Any) -> TwoFactorPolicy:
    """A cluster policy for the namespaces with these labels."""
    selector = LabelSelector(tuple((namespaces or {}).items()))
    return TwoFactorPolicy(Metadata("", name, uid=name, created=NOW), replace(spec(**fields), namespace_selector=selector))


def order(*policies: TwoFactorPolicy, **meta: Any) -> list[str]:
    """The winner's name and those of the overridden, in order."""
    found = resolve(instance(**meta), policies, NAMESPACES)
    return [one.meta.name for one in ((found.winner,) if found.winner else ()) + found.overridden]


def test_among_equals_priority_then_age_then_name() -> None:
    assert order(named("a"), named("b", priority=5), named("c", age=9)) == ["b", "c", "a"]
    assert order(named("b"), named("a")) == ["a", "b"]
    assert order() == []


def test_a_cluster_policy_outranks_every_priority() -> None:
    baseline = cluster("baseline", {"tier": "production"}, priority=-1000)
    assert order(named("tenant", priority=1000), baseline) == ["baseline", "tenant"]
    assert order(cluster("low"), named("tenant"), cluster("high", priority=1)) == ["high", "low", "tenant"]


@pytest.mark.parametrize(
    ("candidate", "chosen"),
    [
        (named("p"), True),
        (named("p", "other"), False),
        (cluster("p"), True),
        (cluster("p", {"tier": "production"}), True),
        (cluster("p", {"tier": "test"}), False),
        (cluster("p", instanceSelector={"matchLabels": {"team": "blue"}}), False),
        (named("p", instanceSelector={"matchLabels": {"team": "red"}}), True),
        (named("p", instanceSelector={"matchLabels": {"team": "blue"}}), False),
        (named("p", instanceSelector={"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["blue"]}]}), True),
        (named("p", instanceSelector={"matchExpressions": [{"key": "absent", "operator": "Exists"}]}), False),
    ],
)
def test_selection(candidate: TwoFactorPolicy, chosen: bool) -> None:
    assert selects(candidate, instance(labels={"team": "red"}), NAMESPACES) is chosen


def test_a_namespace_that_is_not_known_yet_has_no_labels() -> None:
    assert not selects(cluster("p", {"tier": "production"}), instance(), {})


def test_a_policy_that_is_being_deleted_governs_nothing() -> None:
    assert order(named("a", deleting=True), named("b")) == ["b"]


# --- who escapes a cluster policy ---


@pytest.mark.parametrize(
    ("labels", "access", "others", "how"),
    [
        ({"tier": "production"}, Access.MANAGE, (), None),
        ({"tier": "production"}, Access.OBSERVE, (), "access: Observe"),
        ({"tier": "production"}, Access.PROBE_ONLY, (), "access: ProbeOnly"),
        ({}, Access.MANAGE, (), "not selected by its labels"),
        ({}, Access.MANAGE, (named("own"),), "not selected by its labels"),  # whoever governs it there instead is the tenant's own
        ({}, Access.MANAGE, (cluster("rest"),), None),  # the platform's own choice
    ],
)
def test_ways_out_of_a_cluster_policy(labels: dict[str, str], access: Access, others: tuple[TwoFactorPolicy, ...], how: str | None) -> None:
    floor = cluster("floor", {"tier": "production"}, priority=9, instanceSelector={"matchLabels": {"tier": "production"}})
    one = instance(replace(MANAGED, access=access), labels=labels)
    winner = resolve(one, (floor, *others), NAMESPACES).winner
    assert escape_of(floor, one, winner, NAMESPACES) == how
    assert escape_of(named("own", instanceSelector={"matchLabels": {"a": "b"}}), one, winner, NAMESPACES) is None, "of one namespace"
    elsewhere = replace(one, meta=replace(one.meta, namespace="other"))
    assert escape_of(floor, elsewhere, None, NAMESPACES) is None, "its namespace is not meant"


def test_a_policy_counts_and_names_who_escapes_it() -> None:
    escapes = [Escape(Key("tests", name), "access: Observe") for name in "dcba"]
    found = aggregate(policy(), [member("x", **FINE)], escapes=escapes)
    assert policy_status_document(found)["instances"]["escaped"] == 4
    assert found.conditions[0].message.startswith(
        "4 instances of its namespaces escape this policy: tests/a (access: Observe), tests/b (access: Observe), "
        "tests/c (access: Observe) and 1 more; "
    )
    assert policy_status_document(aggregate(policy(), [], escapes=[]))["instances"]["escaped"] == 0
    assert "escaped" not in policy_status_document(aggregate(policy(), []))["instances"], "a policy of one namespace has none"


# --- the policy's status ---


def member(name: str, **conditions: str) -> Member:
    """Conditions as `status/reason`; a member without any was not looked at yet."""
    found = {kind: Condition(kind.capitalize(), *text.split("/"), f"{name} says {text}") for kind, text in conditions.items()}
    return Member(Key("tests", name), True, **found)


FINE = {"ready": "True/InForce", "stalled": "False/InForce", "enforced": "True/Probed", "drifted": "False/NoDrift"}
STUCK = {
    "ready": "False/Unauthorized",
    "stalled": "True/Unauthorized",
    "enforced": "Unknown/Unauthorized",
    "drifted": "Unknown/Unauthorized",
}
MOVING = {"ready": "False/Starting", "stalled": "False/Starting", "enforced": "Unknown/Starting", "drifted": "Unknown/Starting"}
DIFFERENT = {"ready": "True/Reported", "stalled": "False/Reported", "enforced": "False/NotActive", "drifted": "True/Differs"}


def said(status: PolicyStatus) -> list[str]:
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
def test_what_a_policy_says_of_its_instances(members: list[dict[str, str]], conditions: list[str], column: str) -> None:
    status = aggregate(policy(), [member(f"j{number}", **one) for number, one in enumerate(members)])
    assert [said(status), status.instances_column] == [conditions, column]


def test_overridden_everywhere_and_on_some() -> None:
    rival = Key("platform", "baseline")
    lost = Member(Key("tests", "j1"), False, rival)
    everywhere = aggregate(policy(), [lost])
    assert said(everywhere)[0::2][:2] == ["Ready=False/Overridden", "Stalled=True/Overridden"]
    assert "platform/baseline" in everywhere.conditions[0].message
    some = aggregate(policy(), [lost, member("j2", **FINE)])
    assert [said(some)[0], some.counts.overridden, some.counts.governed] == ["Ready=True/InForce", 1, 1]
    assert "1 more are governed by another policy" in some.conditions[0].message


def test_a_policy_below_a_cluster_policy_is_told_that_priority_is_no_help() -> None:
    lost = Member(Key("tests", "j"), governed=False, overridden_by=Key("", "baseline"))
    (ready, *_) = aggregate(policy(), [lost]).conditions
    assert ready.message == "overridden everywhere by ClusterTwoFactorPolicy baseline: select other instances"


def test_counts_columns_and_a_bounded_list_of_failures() -> None:
    members = [member(f"j{number:02}", **STUCK) for number in range(15)] + [member("x", **FINE), member("y", **DIFFERENT)]
    status = aggregate(policy(enforcedGroups=["a"], allowedFactors=["SecurityQuestions", "WebAuthn"]), members)
    counts = status.counts
    assert [counts.selected, counts.governed, counts.enforced, counts.drifted, counts.failing] == [17, 17, 1, 1, 15]
    assert [status.scope_column, status.factors_column, len(status.failing)] == ["groups", "SecurityQuestions+1", 10]
    assert status.conditions[0].message.endswith("and 12 more")
    assert aggregate(policy(), reversed(members)).failing == status.failing  # in order, whatever order they came in


@pytest.mark.parametrize(
    ("factors", "column"),
    [([], "none"), (["SecurityQuestions"], "SecurityQuestions"), (["SecurityQuestions", "EmailOTP", "YubiKey"], "EmailOTP+2")],
)
def test_the_column_of_factors(factors: list[str], column: str) -> None:
    assert factors_column(frozenset(map(Factor, factors))) == column


def test_a_suspended_policy_says_so() -> None:
    wanted = policy(suspend=True)
    assert said(aggregate(wanted, [member("j", **FINE)]))[0] == "Ready=True/Suspended"
    assert said(aggregate(replace(wanted, spec=wanted.spec), [member("j", **STUCK)]))[0] == "Ready=False/Unauthorized"


def test_a_policy_that_was_suspended_over_trouble_is_not_in_progress_for_ever() -> None:
    wanted = policy(suspend=True)
    for trouble in (STUCK, MOVING):
        frozen = {**trouble, "ready": "False/Suspended"}
        found = said(aggregate(wanted, [member("a", **FINE), member("j", **frozen)]))
        assert found[:3] == ["Ready=False/Suspended", "Reconciling=False/Suspended", "Stalled=True/Suspended"]
    unseen = said(aggregate(wanted, [member("a"), member("j", **frozen)]))
    assert unseen[1:3] == ["Reconciling=True/Suspended", "Stalled=False/Suspended"], "an instance has not heard of it yet"
