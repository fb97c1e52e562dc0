"""Which policy governs an instance, and how an instance escapes a cluster policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.api.instance import Access
from jenkins2fa.api.meta import LabelSelector, Metadata
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.core.precedence import escape_of, resolve, selects
from tests.support.literals import MANAGED, NOW, instance, spec

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


def test_policies_are_ordered_by_priority_then_age_then_name() -> None:
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
def test_policies_select_instances_by_labels_and_namespace(candidate: TwoFactorPolicy, chosen: bool) -> None:
    assert selects(candidate, instance(labels={"team": "red"}), NAMESPACES) is chosen


def test_an_unknown_namespace_has_no_labels() -> None:
    assert not selects(cluster("p", {"tier": "production"}), instance(), {})


def test_a_policy_that_is_being_deleted_governs_nothing() -> None:
    assert order(named("a", deleting=True), named("b")) == ["b"]


@pytest.mark.parametrize(
    ("labels", "access", "others", "how"),
    [
        ({"tier": "production"}, Access.MANAGE, (), None),
        ({"tier": "production"}, Access.OBSERVE, (), "access: Observe"),
        ({"tier": "production"}, Access.PROBE_ONLY, (), "access: ProbeOnly"),
        ({}, Access.MANAGE, (), "not selected by its labels"),
        ({}, Access.MANAGE, (named("own"),), "not selected by its labels"),  # there it is governed by the tenant's own policy
        ({}, Access.MANAGE, (cluster("rest"),), None),  # the platform's own choice
    ],
)
def test_instances_that_escape_a_cluster_policy(
    labels: dict[str, str], access: Access, others: tuple[TwoFactorPolicy, ...], how: str | None
) -> None:
    floor = cluster("floor", {"tier": "production"}, priority=9, instanceSelector={"matchLabels": {"tier": "production"}})
    one = instance(replace(MANAGED, access=access), labels=labels)
    winner = resolve(one, (floor, *others), NAMESPACES).winner
    assert escape_of(floor, one, winner, NAMESPACES) == how
    assert escape_of(named("own", instanceSelector={"matchLabels": {"a": "b"}}), one, winner, NAMESPACES) is None, "of one namespace"
    elsewhere = replace(one, meta=replace(one.meta, namespace="other"))
    assert escape_of(floor, elsewhere, None, NAMESPACES) is None, "its namespace is not selected"
