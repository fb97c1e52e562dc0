"""Who manages a controller: whoever holds the owner record."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options
from jenkins2fa.controller.instance.ownership import holder_of, may_take_over
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.observation import Owner
from tests.support.literals import NOW, in_force, instance, spec

OURS = Owner("cluster", "uid-of-other")
SEEN = replace(in_force(spec()), identity="abcd", session="run-2", owner=OURS)


def other(created: str = "2020-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    """Another instance, whose status claims to reach the same run of the same controller."""
    meta = {"namespace": "other", "name": "holder", "uid": "uid-of-other", "generation": 2, "creationTimestamp": created}
    ready = {"type": "Ready", "status": "True", "reason": "Applied"}
    status = {"observedGeneration": 2, "jenkins": {"identity": "abcd", "session": "run-2"}, "conditions": [ready]}
    wanted = {"url": "https://j.example.com/", "credentialsRef": {"name": "s"}, "gate": {"mode": "None"}}
    return {"metadata": {**meta, **changes}, "spec": wanted, "status": status}


def context(*bodies: dict[str, Any], namespaces: tuple[str, ...] = (), synced: bool = True) -> Context:
    cache = Cache()
    for body in bodies:
        cache.put(Kind.INSTANCE, body)
    if synced:
        cache.mark_synced()
    return cast("Context", SimpleNamespace(cache=cache, cluster=lambda: "cluster", options=Options(namespaces=namespaces)))


@pytest.mark.parametrize("created", ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"])
def test_the_holder_of_the_owner_record_manages_the_controller_at_any_age(created: str) -> None:
    holder = holder_of(context(other(created)), instance(created=NOW), SEEN)
    assert holder is not None
    assert (holder.namespace, holder.name) == ("other", "holder")
    assert may_take_over(context(other(created)), instance(created=NOW), SEEN) is None


@pytest.mark.parametrize("owner", [None, Owner("cluster", "uid"), Owner("another-cluster", "uid-of-other")])
def test_an_older_instance_that_claims_the_same_run_is_ignored(owner: Owner | None) -> None:
    """A controller can claim any identity. That must not stall another team's instance."""
    asking = instance(created=NOW)
    seen = replace(SEEN, owner=replace(owner, instance=asking.meta.uid) if owner and owner.instance == "uid" else owner)
    assert holder_of(context(other()), asking, seen) is None


def test_a_deleted_holder_is_taken_over_from() -> None:
    assert holder_of(context(), instance(), SEEN) is None
    assert may_take_over(context(), instance(), SEEN) == OURS.name


@pytest.mark.parametrize("doubt", [{"namespaces": ("team",)}, {"synced": False}])
def test_in_doubt_a_holder_counts_as_existing(doubt: dict[str, Any]) -> None:
    assert may_take_over(context(**doubt), instance(), SEEN) is None


def test_an_annotation_can_request_a_take_over_from_an_existing_holder() -> None:
    """As when Jenkins' home was copied, including the owner record."""
    plain = instance()
    ordered = replace(plain, meta=replace(plain.meta, annotations={TAKE_OVER: OURS.name}))
    assert holder_of(context(other()), ordered, SEEN) is None
    wrong = replace(plain, meta=replace(plain.meta, annotations={TAKE_OVER: "cluster/somebody-else"}))
    assert holder_of(context(other()), wrong, SEEN) is not None
