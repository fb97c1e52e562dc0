"""Event mapping: which objects a changed object causes to be reconciled."""

from __future__ import annotations

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, Urgency, WorkKey
from tests.support.event_bench import GUARDED, Body, EventBench, break_glass, cluster_policy, instance, policy


@pytest.fixture
def bench() -> EventBench:
    return EventBench()


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"labels": {"tier": "production"}},
        {"uid": "another"},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"annotations": {"jenkins2fa.dev/reconcile-at": "now"}},
        {"annotations": {"jenkins2fa.dev/take-over": "a/b"}},
    ],
)
def test_every_relevant_change_causes_a_reconcile(bench: EventBench, change: Body) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", **change)) == {"instance team/build"}


def test_other_annotations_are_ignored(bench: EventBench) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", annotations={"kubectl.kubernetes.io/x": "y"})) == set()


def test_a_policy_maps_to_the_instances_that_it_selects_or_selected(bench: EventBench) -> None:
    bench.map_event(instance("a", labels={"tier": "x"}), instance("b", labels={"tier": "y"}), instance("c"), instance("d", "other"))
    assert bench.map_event(policy(selector={"matchLabels": {"tier": "x"}})) == {"policy team/baseline", "instance team/a"}
    moved = policy(selector={"matchLabels": {"tier": "y"}}, generation=2, resourceVersion="11")
    assert bench.map_event(moved) == {"policy team/baseline", "instance team/a", "instance team/b"}


def test_an_instance_maps_to_the_policies_that_select_or_selected_it(bench: EventBench) -> None:
    bench.map_event(instance(labels={"tier": "x"}))
    bench.map_event(policy("one", selector={"matchLabels": {"tier": "x"}}), policy("two", selector={"matchLabels": {"tier": "y"}}))
    relabelled = instance(labels={"tier": "y"}, resourceVersion="11")
    assert bench.map_event(relabelled) == {"instance team/build", "policy team/one", "policy team/two"}


def test_a_deleted_policy_maps_to_its_instances(bench: EventBench) -> None:
    bench.map_event(instance(), policy())
    assert bench.map_event(policy(), event="DELETED") == {"policy team/baseline", "instance team/build"}
    assert bench.cache.policies() == []


def test_a_break_glass_maps_to_the_instances_that_it_selects_in_its_namespace() -> None:
    bench = EventBench()
    bench.map_event(instance("a", labels={"tier": "x"}), instance("b"), instance("c", "other", labels={"tier": "x"}))
    asked = break_glass(selector={"matchLabels": {"tier": "x"}})
    assert bench.map_event(asked) == {"break-glass team/incident", "instance team/a"}
    assert bench.map_event(instance("a", labels={}, resourceVersion="11")) == {"instance team/a", "break-glass team/incident"}
    assert bench.map_event(asked, event="DELETED") == {"break-glass team/incident"}
    assert bench.cache.break_glasses() == []


def test_an_instance_whose_status_names_a_deleted_break_glass_is_reconciled(bench: EventBench) -> None:
    """A full list shows that it has ended only by its absence, when its selector is no longer known."""
    held = {"breakGlass": {"until": "2026-12-01T12:00:00Z", "name": "incident"}}
    bench.map_event(instance(status=held), break_glass())
    bench.mapping.resync({Kind.INSTANCE: [instance(status=held)], Kind.POLICY: [], Kind.BREAK_GLASS: []})
    assert bench.due() == {"break-glass team/incident", "instance team/build"}


def test_an_instance_whose_status_names_a_deleted_policy_is_reconciled(bench: EventBench) -> None:
    """Even if no selector connects them any more."""
    named = {"policy": {"namespace": "team", "name": "baseline"}}
    bench.map_event(instance(labels={"tier": "x"}, status=named), policy(selector={"matchLabels": {"tier": "y"}}))
    assert bench.map_event(policy(selector={"matchLabels": {"tier": "y"}}), event="DELETED") >= {"instance team/build"}


def test_a_full_list_catches_up_on_missed_events(bench: EventBench) -> None:
    bench.map_event(instance("kept"), instance("gone"), policy())
    bench.mapping.resync({Kind.INSTANCE: [instance("kept"), instance("new")], Kind.POLICY: [policy()], Kind.BREAK_GLASS: []})
    assert bench.due() == {"instance team/gone", "instance team/new", "policy team/baseline"}
    assert bench.cache.synced


def test_a_cluster_policy_maps_to_the_instances_of_its_namespaces() -> None:
    bench = EventBench()
    bench.mapping.map_namespace(None, {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    bench.map_event(instance(), instance("b", "elsewhere"))
    assert bench.map_event(cluster_policy(GUARDED)) == {"policy floor", "instance team/build"}
    assert bench.map_event(policy("grab", "elsewhere", spec={"namespaceSelector": {}})) == {"policy elsewhere/grab", "instance elsewhere/b"}


def test_an_instance_that_escapes_a_cluster_policy_still_maps_to_it() -> None:
    """Only the policy's count of escapes changes, and no other event would cause its reconcile."""
    bench = EventBench()
    bench.mapping.map_namespace("ADDED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    bench.map_event(cluster_policy({**GUARDED, "instanceSelector": {"matchLabels": {"tier": "production"}}}))
    assert bench.map_event(instance()) == {"policy floor", "instance team/build"}


def test_a_namespace_label_maps_to_its_instances_and_the_cluster_policies() -> None:
    bench = EventBench()
    bench.map_event(instance(), cluster_policy(GUARDED))
    bench.mapping.map_namespace("MODIFIED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    assert bench.due() == {"instance team/build", "policy floor"}
    bench.mapping.map_namespace("MODIFIED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}, "resourceVersion": "2"}})
    assert bench.due() == set()


def test_a_request_by_annotation_reaches_every_selected_instance_once(bench: EventBench) -> None:
    bench.map_event(instance("a"), instance("b"), policy())
    bench.map_event(policy(resourceVersion="11", annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    assert [bench.mapping.take_request(Key("team", name)) for name in "aab"] == [True, False, True]


def test_an_unanswered_request_by_annotation_is_kept(bench: EventBench) -> None:
    bench.map_event(instance())
    bench.map_event(instance(resourceVersion="11", annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    key = Key("team", "build")
    assert bench.mapping.take_request(key)
    bench.mapping.renew_request(key)
    assert [bench.mapping.take_request(key) for _ in range(2)] == [True, False]


def test_an_annotation_that_existed_before_is_no_request(bench: EventBench) -> None:
    bench.map_event(instance(annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    assert not bench.mapping.take_request(Key("team", "build"))


def test_the_first_list_is_less_urgent_than_a_change(bench: EventBench) -> None:
    bench.mapping.map_event(Kind.INSTANCE, None, instance("first"))
    bench.mapping.map_event(Kind.INSTANCE, "ADDED", instance("changed"))
    work = bench.queue.take(block=False)
    assert work is not None
    assert (work.key.key.name, work.urgency) == ("changed", Urgency.CHANGE)


def test_a_lane_is_a_host_within_a_namespace_regardless_of_the_path(bench: EventBench) -> None:
    """On a shared host, slow controllers of one namespace do not delay those of another."""
    spec = {"url": "https://A.example.com/ci/", "credentialsRef": {"name": "x"}, "gate": {"mode": "Managed"}}
    bench.map_event(instance("a"), {**instance("b"), "spec": spec})
    bench.map_event({**instance("a"), "metadata": {**instance("a")["metadata"], "namespace": "other", "uid": "another"}})
    one, same, other = (bench.mapping.lane(WorkKey(Kind.INSTANCE, Key(*key))) for key in (("team", "a"), ("team", "b"), ("other", "a")))
    assert one is not None
    assert (one == same, one == other) == (True, False)
    assert bench.mapping.lane(WorkKey(Kind.POLICY, Key("team", "a"))) is None


class CountingMapping(EventMapping):
    counted = 0

    def members_of(self, policy: TwoFactorPolicy) -> set[Key]:
        self.counted += 1
        return super().members_of(policy)


def test_reading_a_policy_again_does_not_recompute_its_selection() -> None:
    bench = EventBench()
    bench.mapping = counting = CountingMapping(bench.cache, bench.queue)
    bench.map_event(policy(), instance("a"), instance("b"))
    before = counting.counted
    assert bench.map_event(policy(resourceVersion="11", status={"observedGeneration": 1})) == set()
    assert counting.counted == before
    assert bench.map_event(policy(resourceVersion="12", generation=2)) == {"policy team/baseline", "instance team/a", "instance team/b"}
    assert counting.counted > before
