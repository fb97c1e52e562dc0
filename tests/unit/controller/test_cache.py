"""The cache: what counts as a change, and which objects it keeps when they are old, invalid or gone."""

from __future__ import annotations

from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import PolicyMode
from jenkins2fa.controller.cache import fingerprint
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.precedence import resolve
from tests.support.event_bench import EventBench, cluster_policy, instance, policy


@pytest.fixture
def bench() -> EventBench:
    return EventBench()


def test_an_event_that_changes_only_the_status_is_ignored(bench: EventBench) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", status={"observedGeneration": 1}, managedFields=[{}])) == set()
    kept = bench.cache.body(Kind.INSTANCE, Key("team", "build"))
    assert kept is not None
    assert kept["status"] == {"observedGeneration": 1}, "the cache still has the new status"


def test_an_older_state_does_not_replace_a_newer_one(bench: EventBench) -> None:
    bench.map_event(instance(resourceVersion="20", generation=2))
    assert bench.map_event(instance(resourceVersion="9", generation=1)) == set()
    found = bench.cache.instance(Key("team", "build"))
    assert found is not None
    assert found.meta.generation == 2


def test_a_late_deletion_of_a_former_object_keeps_the_new_one(bench: EventBench) -> None:
    bench.map_event(policy(uid="new"))
    assert bench.map_event(policy(uid="old"), event="DELETED") == set()
    assert len(bench.cache.policies()) == 1


def test_empty_cache_is_not_synced(bench: EventBench) -> None:
    assert not bench.cache.synced
    bench.mapping.resync({kind: [] for kind in Kind})
    assert bench.cache.synced


def test_policy_without_a_valid_selector_is_kept_for_its_status_and_governs_nothing(bench: EventBench) -> None:
    broken = policy(spec={"instanceSelector": "all"})
    assert bench.map_event(broken) == {"policy team/baseline"}
    assert bench.cache.keys(Kind.POLICY) == [Key("team", "baseline")]
    assert bench.cache.policies() == []


@pytest.mark.parametrize("broken", [{"instanceSelector": None}, {"instanceSelector": []}, {"instanceSelector": {"matchLabels": {"a": 1}}}])
def test_an_unreadable_selector_selects_nothing(bench: EventBench, broken: dict[str, Any]) -> None:
    bench.map_event(policy(spec={"mode": "Perhaps", **broken}))
    assert bench.cache.policies() == []


def test_a_policy_with_a_value_of_a_later_version_keeps_its_precedence() -> None:
    bench = EventBench()
    later = {"namespaceSelector": {}, "allowedFactors": [{"type": "SecurityQuestions"}, {"type": "FactorOfTheNextVersion"}]}
    bench.map_event(instance(), policy("mine", spec={"mode": "Disabled", "priority": 9}))
    asked = bench.map_event(cluster_policy(later, "baseline"))
    assert asked == {"policy baseline", "instance team/build"}
    found = bench.cache.instance(Key("team", "build"))
    assert found is not None
    governing = resolve(found, bench.cache.policies(), {"team": {}})
    assert governing.winner is not None
    assert (governing.winner.meta.name, governing.winner.invalid) == ("baseline", True)
    assert [one.meta.name for one in governing.overridden] == ["mine"]


def test_an_invalid_policy_keeps_its_priority_but_none_of_its_settings(bench: EventBench) -> None:
    bench.map_event(policy(spec={"mode": "Disabled"}))
    bench.map_event(policy(spec={"mode": "Perhaps", "priority": 7}, generation=2, resourceVersion="11"))
    (found,) = bench.cache.policies()
    assert (found.invalid, found.spec.priority, found.spec.mode) == (True, 7, PolicyMode.AUDIT)


def test_the_fingerprint_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint(instance(labels={"a": "1", "b": "2"})) == fingerprint(instance(labels={"b": "2", "a": "1"}))
