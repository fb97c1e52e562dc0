"""The cache, and which passes a changed object calls for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import PolicyMode, TwoFactorPolicy
from jenkins2fa.controller.cache import Cache, fingerprint
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, Urgency, WorkKey, WorkQueue
from jenkins2fa.core.precedence import resolve

Body = dict[str, Any]
KINDS = {
    "JenkinsInstance": Kind.INSTANCE,
    "TwoFactorPolicy": Kind.POLICY,
    "ClusterTwoFactorPolicy": Kind.POLICY,
    "TwoFactorBreakGlass": Kind.BREAK_GLASS,
}


def instance(name: str = "build", namespace: str = "team", **changes: Any) -> Body:
    spec = {"url": f"https://{name}.example.com/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}}
    return body("JenkinsInstance", name, namespace, spec, changes)


def policy(name: str = "baseline", namespace: str = "team", selector: Body | None = None, spec: Body | None = None, **changes: Any) -> Body:
    wanted = {"instanceSelector": selector or {}, "mode": "Disabled", **(spec or {})}
    return body("TwoFactorPolicy", name, namespace, wanted, changes)


def body(kind: str, name: str, namespace: str, spec: Body, changes: Body) -> Body:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "10", **changes}
    status = meta.pop("status", {})
    return {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec, "status": status}


GUARDED = {"namespaceSelector": {"matchLabels": {"guarded": "yes"}}}


def cluster_policy(spec: Body, name: str = "floor", **changes: Any) -> Body:
    found = body("ClusterTwoFactorPolicy", name, "", {"instanceSelector": {}, "mode": "Disabled", **spec}, changes)
    del found["metadata"]["namespace"]
    return found


def break_glass(name: str = "incident", namespace: str = "team", selector: Body | None = None, **changes: Any) -> Body:
    spec = {"instanceSelector": selector or {}, "expiresAt": "2026-12-01T12:00:00Z", "reason": "INC-1"}
    return body("TwoFactorBreakGlass", name, namespace, spec, changes)


@dataclass
class Bench:
    cache: Cache = field(default_factory=Cache)

    def __post_init__(self) -> None:
        self.queue = WorkQueue(lambda: 0.0, lambda: 0.5)
        self.mapping = EventMapping(self.cache, self.queue)

    def map_event(self, *bodies: Body, event: str | None = "MODIFIED") -> set[str]:
        """Deliver objects; the keys that are due then, as `instance team/build`."""
        for one in bodies:
            self.mapping.map_event(KINDS[one["kind"]], event, one)
        return self.due()

    def due(self) -> set[str]:
        found = set()
        while (work := self.queue.take(block=False)) is not None:
            self.queue.done(work)
            found.add(str(work.key))
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_event_about_status_alone_is_ignored(bench: Bench) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", status={"observedGeneration": 1}, managedFields=[{}])) == set()
    kept = bench.cache.body(Kind.INSTANCE, Key("team", "build"))
    assert kept is not None
    assert kept["status"] == {"observedGeneration": 1}, "the cache is true to the status all the same"


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
def test_event_about_anything_that_matters_asks_for_a_pass(bench: Bench, change: Body) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", **change)) == {"instance team/build"}


def test_foreign_annotation_is_ignored(bench: Bench) -> None:
    bench.map_event(instance())
    assert bench.map_event(instance(resourceVersion="11", annotations={"kubectl.kubernetes.io/x": "y"})) == set()


def test_older_state_does_not_replace_a_newer_one(bench: Bench) -> None:
    bench.map_event(instance(resourceVersion="20", generation=2))
    assert bench.map_event(instance(resourceVersion="9", generation=1)) == set()
    found = bench.cache.instance(Key("team", "build"))
    assert found is not None
    assert found.meta.generation == 2


def test_policy_asks_for_the_instances_that_it_selects_or_selected(bench: Bench) -> None:
    bench.map_event(instance("a", labels={"tier": "x"}), instance("b", labels={"tier": "y"}), instance("c"), instance("d", "other"))
    assert bench.map_event(policy(selector={"matchLabels": {"tier": "x"}})) == {"policy team/baseline", "instance team/a"}
    moved = policy(selector={"matchLabels": {"tier": "y"}}, generation=2, resourceVersion="11")
    assert bench.map_event(moved) == {"policy team/baseline", "instance team/a", "instance team/b"}


def test_instance_asks_for_the_policies_that_select_or_selected_it(bench: Bench) -> None:
    bench.map_event(instance(labels={"tier": "x"}))
    bench.map_event(policy("one", selector={"matchLabels": {"tier": "x"}}), policy("two", selector={"matchLabels": {"tier": "y"}}))
    relabelled = instance(labels={"tier": "y"}, resourceVersion="11")
    assert bench.map_event(relabelled) == {"instance team/build", "policy team/one", "policy team/two"}


def test_deleted_policy_asks_for_its_instances(bench: Bench) -> None:
    bench.map_event(instance(), policy())
    assert bench.map_event(policy(), event="DELETED") == {"policy team/baseline", "instance team/build"}
    assert bench.cache.policies() == []


def test_break_glass_asks_for_the_instances_of_its_own_namespace_that_it_selects() -> None:
    bench = Bench()
    bench.map_event(instance("a", labels={"tier": "x"}), instance("b"), instance("c", "other", labels={"tier": "x"}))
    asked = break_glass(selector={"matchLabels": {"tier": "x"}})
    assert bench.map_event(asked) == {"break-glass team/incident", "instance team/a"}
    assert bench.map_event(instance("a", labels={}, resourceVersion="11")) == {"instance team/a", "break-glass team/incident"}
    assert bench.map_event(asked, event="DELETED") == {"break-glass team/incident"}
    assert bench.cache.break_glasses() == []


def test_instance_whose_status_names_a_vanished_break_glass_is_asked(bench: Bench) -> None:
    """A full list tells of its end only when it is known no more."""
    held = {"breakGlass": {"until": "2026-12-01T12:00:00Z", "name": "incident"}}
    bench.map_event(instance(status=held), break_glass())
    bench.mapping.resync({Kind.INSTANCE: [instance(status=held)], Kind.POLICY: [], Kind.BREAK_GLASS: []})
    assert bench.due() == {"break-glass team/incident", "instance team/build"}


def test_late_deletion_of_a_former_object_leaves_the_new_one(bench: Bench) -> None:
    bench.map_event(policy(uid="new"))
    assert bench.map_event(policy(uid="old"), event="DELETED") == set()
    assert len(bench.cache.policies()) == 1


def test_instance_whose_status_names_a_vanished_policy_is_asked(bench: Bench) -> None:
    """Also when no selector tells any more that they belong together."""
    named = {"policy": {"namespace": "team", "name": "baseline"}}
    bench.map_event(instance(labels={"tier": "x"}, status=named), policy(selector={"matchLabels": {"tier": "y"}}))
    assert bench.map_event(policy(selector={"matchLabels": {"tier": "y"}}), event="DELETED") >= {"instance team/build"}


def test_full_list_notices_what_the_watch_missed(bench: Bench) -> None:
    bench.map_event(instance("kept"), instance("gone"), policy())
    bench.mapping.resync({Kind.INSTANCE: [instance("kept"), instance("new")], Kind.POLICY: [policy()], Kind.BREAK_GLASS: []})
    assert bench.due() == {"instance team/gone", "instance team/new", "policy team/baseline"}
    assert bench.cache.synced


def test_empty_store_is_not_synced(bench: Bench) -> None:
    assert not bench.cache.synced
    bench.mapping.resync({kind: [] for kind in Kind})
    assert bench.cache.synced


def test_cluster_policy_asks_for_the_instances_of_the_namespaces_that_it_selects() -> None:
    bench = Bench()
    bench.mapping.map_namespace(None, {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    bench.map_event(instance(), instance("b", "elsewhere"))
    assert bench.map_event(cluster_policy(GUARDED)) == {"policy floor", "instance team/build"}
    assert bench.map_event(policy("grab", "elsewhere", spec={"namespaceSelector": {}})) == {"policy elsewhere/grab", "instance elsewhere/b"}


def test_an_instance_that_escapes_a_cluster_policy_asks_for_it_all_the_same() -> None:
    """Nothing but the count of the policy changes, and nobody else would tell it."""
    bench = Bench()
    bench.mapping.map_namespace("ADDED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    bench.map_event(cluster_policy({**GUARDED, "instanceSelector": {"matchLabels": {"tier": "production"}}}))
    assert bench.map_event(instance()) == {"policy floor", "instance team/build"}


def test_namespace_label_asks_for_its_instances_and_the_cluster_policies() -> None:
    bench = Bench()
    bench.map_event(instance(), cluster_policy(GUARDED))
    bench.mapping.map_namespace("MODIFIED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}}})
    assert bench.due() == {"instance team/build", "policy floor"}
    bench.mapping.map_namespace("MODIFIED", {"metadata": {"name": "team", "labels": {"guarded": "yes"}, "resourceVersion": "2"}})
    assert bench.due() == set()


def test_request_by_annotation_reaches_every_selected_instance_once(bench: Bench) -> None:
    bench.map_event(instance("a"), instance("b"), policy())
    bench.map_event(policy(resourceVersion="11", annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    assert [bench.mapping.take_request(Key("team", name)) for name in "aab"] == [True, False, True]


def test_request_that_could_not_be_answered_stands(bench: Bench) -> None:
    bench.map_event(instance())
    bench.map_event(instance(resourceVersion="11", annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    key = Key("team", "build")
    assert bench.mapping.take_request(key)
    bench.mapping.renew_request(key)
    assert [bench.mapping.take_request(key) for _ in range(2)] == [True, False]


def test_annotation_that_was_there_before_is_no_request(bench: Bench) -> None:
    bench.map_event(instance(annotations={"jenkins2fa.dev/reconcile-at": "1"}))
    assert not bench.mapping.take_request(Key("team", "build"))


def test_first_list_is_less_urgent_than_a_change(bench: Bench) -> None:
    bench.mapping.map_event(Kind.INSTANCE, None, instance("first"))
    bench.mapping.map_event(Kind.INSTANCE, "ADDED", instance("changed"))
    work = bench.queue.take(block=False)
    assert work is not None
    assert (work.key.key.name, work.urgency) == ("changed", Urgency.CHANGE)


def test_lane_is_the_host_whatever_the_path_and_another_in_each_namespace(bench: Bench) -> None:
    """On a host that several share, the slow Jenkins controllers of one namespace keep no other waiting."""
    spec = {"url": "https://A.example.com/ci/", "credentialsRef": {"name": "x"}, "gate": {"mode": "Managed"}}
    bench.map_event(instance("a"), {**instance("b"), "spec": spec})
    bench.map_event({**instance("a"), "metadata": {**instance("a")["metadata"], "namespace": "other", "uid": "another"}})
    one, same, other = (bench.mapping.lane(WorkKey(Kind.INSTANCE, Key(*key))) for key in (("team", "a"), ("team", "b"), ("other", "a")))
    assert one is not None
    assert (one == same, one == other) == (True, False)
    assert bench.mapping.lane(WorkKey(Kind.POLICY, Key("team", "a"))) is None


def test_policy_that_does_not_say_whom_it_means_is_kept_for_its_status_and_governs_nothing(bench: Bench) -> None:
    broken = policy(spec={"instanceSelector": "all"})
    assert bench.map_event(broken) == {"policy team/baseline"}
    assert bench.cache.keys(Kind.POLICY) == [Key("team", "baseline")]
    assert bench.cache.policies() == []


@pytest.mark.parametrize("broken", [{"instanceSelector": None}, {"instanceSelector": []}, {"instanceSelector": {"matchLabels": {"a": 1}}}])
def test_unreadable_selector_selects_nothing(bench: Bench, broken: dict[str, Any]) -> None:
    bench.map_event(policy(spec={"mode": "Perhaps", **broken}))
    assert bench.cache.policies() == []


def test_policy_with_a_word_of_a_later_version_keeps_its_place() -> None:
    bench = Bench()
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


def test_policy_that_became_invalid_keeps_its_rank_but_not_what_it_said(bench: Bench) -> None:
    bench.map_event(policy(spec={"mode": "Disabled"}))
    bench.map_event(policy(spec={"mode": "Perhaps", "priority": 7}, generation=2, resourceVersion="11"))
    (found,) = bench.cache.policies()
    assert (found.invalid, found.spec.priority, found.spec.mode) == (True, 7, PolicyMode.AUDIT)


def test_fingerprint_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint(instance(labels={"a": "1", "b": "2"})) == fingerprint(instance(labels={"b": "2", "a": "1"}))


class CountingDelivery(EventMapping):
    counted = 0

    def members_of(self, policy: TwoFactorPolicy) -> set[Key]:
        self.counted += 1
        return super().members_of(policy)


def test_a_pass_that_reads_its_policy_again_does_not_count_what_that_selects() -> None:
    bench = Bench()
    bench.mapping = counting = CountingDelivery(bench.cache, bench.queue)
    bench.map_event(policy(), instance("a"), instance("b"))
    before = counting.counted
    assert bench.map_event(policy(resourceVersion="11", status={"observedGeneration": 1})) == set()
    assert counting.counted == before
    assert bench.map_event(policy(resourceVersion="12", generation=2)) == {"policy team/baseline", "instance team/a", "instance team/b"}
    assert counting.counted > before
