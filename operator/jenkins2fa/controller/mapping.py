"""Event mapping: from a changed object to the keys of the objects that must be reconciled."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import RECONCILE_AT, Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.references import host_and_port
from jenkins2fa.api.status import break_glass_of
from jenkins2fa.controller.cache import Body, Cache, key_of
from jenkins2fa.controller.queue import Kind, Urgency, WorkKey, WorkQueue
from jenkins2fa.core.precedence import reaches, selects


class EventMapping:
    def __init__(self, cache: Cache, queue: WorkQueue) -> None:
        self._cache, self._queue = cache, queue
        self._lock = threading.Lock()
        self._requested: set[Key] = set()  # instances of which someone requested a full observation

    def take_request(self, key: Key) -> bool:
        """Whether someone has requested a full observation of an instance (by annotation) since the last call."""
        with self._lock:
            requested = key in self._requested
            self._requested.discard(key)
            return requested

    def renew_request(self, key: Key) -> None:
        """Keep a request that was taken: the reconcile ended without an observation."""
        with self._lock:
            self._requested.add(key)

    def map_event(self, kind: Kind, event: str | None, body: Body) -> None:
        """One watch event. ``event``: DELETED, another type, or None for an object of the first list."""
        key = key_of(body)
        before, changes = self._cache.body(kind, key), event == "DELETED" or self._cache.changes(kind, body)
        # Computed only for changes: each reconcile of an instance reads its policy again, and that may select thousands of instances.
        affected = self._related(kind, key) if changes else set()
        if event == "DELETED":
            changed = self._cache.remove(kind, key, body["metadata"].get("uid"))
        else:
            changed = self._cache.put(kind, body)
        if changed:
            self._note_request(kind, key, before, body)
            self._enqueue(kind, key, affected, Urgency.CLOCK if event is None else Urgency.CHANGE)

    def map_namespace(self, event: str | None, body: Body) -> None:
        """A namespace's labels may change which of its instances a cluster policy selects."""
        name = body["metadata"]["name"]
        if event == "DELETED":
            self._cache.remove_namespace(name)
        elif self._cache.put_namespace(body):
            for key in self._cache.keys(Kind.INSTANCE):
                if key.namespace == name:
                    self._queue.add(WorkKey(Kind.INSTANCE, key), Urgency.CHANGE)
            self._add(Kind.POLICY, self._cluster_policies())

    def resync(self, lists: Mapping[Kind, Iterable[Body]]) -> None:
        """Replace the cache by full lists, since an interrupted watch may have missed deletions, and reconcile what differs."""
        for kind in (Kind.POLICY, Kind.BREAK_GLASS, Kind.INSTANCE):
            for key in self._cache.replace(kind, lists[kind]):
                self._enqueue(kind, key, set(), Urgency.CHANGE)
        self._cache.mark_synced()

    def enqueue_all(self, urgency: Urgency = Urgency.CLOCK) -> None:
        """Reconcile every object, after a start or a change of leader."""
        for kind in Kind:
            self._add(kind, self._cache.keys(kind), urgency)

    def lane(self, key: WorkKey) -> str | None:
        """The namespace and host that a reconcile keeps busy: two instances of the same lane are never reconciled at the same time.

        The namespace is part of it because namespaces may share a host: many slow instances of one namespace must neither delay the others
        nor make the host suspect for them."""
        instance = self._cache.instance(key.key) if key.kind is Kind.INSTANCE else None
        return f"{key.key.namespace} {host_and_port(instance.spec.url)}" if instance else None

    def policies_of(self, key: Key) -> list[Key]:
        """The policies that select an instance."""
        instance, namespaces = self._cache.instance(key), self._cache.namespaces()
        return [policy.meta.key for policy in self._cache.policies() if instance and selects(policy, instance, namespaces)]

    def members_of(self, policy: TwoFactorPolicy) -> set[Key]:
        """The instances that a policy selects."""
        namespaces = self._cache.namespaces()
        return {instance.meta.key for instance in self._cache.instances() if selects(policy, instance, namespaces)}

    def break_glasses_of(self, key: Key) -> list[Key]:
        """The break-glasses that select an instance. This includes expired ones: their status counts the instance."""
        instance = self._cache.instance(key)
        return [break_glass.meta.key for break_glass in self._cache.break_glasses() if instance and break_glass.selects(instance.meta)]

    def selected_by(self, break_glass: TwoFactorBreakGlass) -> list[JenkinsInstance]:
        """The instances that a break-glass selects."""
        return [instance for instance in self._cache.instances() if break_glass.selects(instance.meta)]

    def unmanaged(self) -> list[Key]:
        """The instances that no policy selects."""
        return [key for key in self._cache.keys(Kind.INSTANCE) if not self.policies_of(key)]

    # --- keys ---

    def _enqueue(self, kind: Kind, key: Key, before: set[WorkKey], urgency: Urgency) -> None:
        self._add(kind, [key], urgency)
        for other in before | self._related(kind, key):
            self._queue.add(other, urgency)
        if kind is not Kind.INSTANCE:
            self._add(Kind.INSTANCE, self._reporting_policy(key) if kind is Kind.POLICY else self._reporting_break_glass(key), urgency)

    def _related(self, kind: Kind, key: Key) -> set[WorkKey]:
        """The objects that a change affects by selectors: an instance's policies and break-glasses, or the instances of one of those."""
        if kind is Kind.INSTANCE:
            policies = set(self.policies_of(key)) | self._cluster_policies_for(key.namespace)
            break_glasses = {WorkKey(Kind.BREAK_GLASS, break_glass) for break_glass in self.break_glasses_of(key)}
            return {WorkKey(Kind.POLICY, policy) for policy in policies} | break_glasses
        if kind is Kind.BREAK_GLASS:
            break_glass = self._cache.break_glass(key)
            return {WorkKey(Kind.INSTANCE, instance.meta.key) for instance in self.selected_by(break_glass)} if break_glass else set()
        policy = self._cache.policy(key)
        return {WorkKey(Kind.INSTANCE, member) for member in self.members_of(policy)} if policy else set()

    def _reporting_policy(self, key: Key) -> set[Key]:
        """Instances whose status names a policy. They are reconciled when it ends, even if its selector is no longer known."""
        reference = {"namespace": key.namespace, "name": key.name}
        instances = set()
        for body in self._cache.bodies(Kind.INSTANCE):
            policy = (body.get("status") or {}).get("policy") or {}
            if {name: policy.get(name, "") for name in reference} == reference:
                instances.add(key_of(body))
        return instances

    def _reporting_break_glass(self, key: Key) -> set[Key]:
        """Instances whose status names a break-glass. They are reconciled when it ends, even if its selector is no longer known."""
        reported = ((key_of(body), break_glass_of(body)) for body in self._cache.bodies(Kind.INSTANCE))
        return {instance for instance, status in reported if status and instance.namespace == key.namespace and status.name == key.name}

    def _cluster_policies_for(self, namespace: str) -> set[Key]:
        """The cluster policies whose selector matches a namespace. They also count the instances that escape them."""
        namespaces = self._cache.namespaces()
        return {policy.meta.key for policy in self._cache.policies() if policy.is_cluster and reaches(policy, namespace, namespaces)}

    def _cluster_policies(self) -> list[Key]:
        return [policy.meta.key for policy in self._cache.policies() if policy.is_cluster]

    def _add(self, kind: Kind, keys: Iterable[Key], urgency: Urgency = Urgency.CHANGE) -> None:
        for key in keys:
            self._queue.add(WorkKey(kind, key), urgency)

    def _note_request(self, kind: Kind, key: Key, before: Body | None, body: Body) -> None:
        if before is None or _request(before) == _request(body) or _request(body) is None:
            return
        policy = self._cache.policy(key) if kind is Kind.POLICY else None
        members = self.members_of(policy) if policy else {key} if kind is Kind.INSTANCE else set()
        with self._lock:
            self._requested |= members


def _request(body: Mapping[str, Any]) -> str | None:
    value: str | None = (body["metadata"].get("annotations") or {}).get(RECONCILE_AT)
    return value
