"""From a changed object to the keys of the reconciles that it calls for."""

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
        self._asked: set[Key] = set()

    def take_request(self, key: Key) -> bool:
        """Whether somebody asked for a full observation at an instance (by annotation) since the last call."""
        with self._lock:
            asked = key in self._asked
            self._asked.discard(key)
            return asked

    def ask_again(self, key: Key) -> None:
        """A request that was taken could not be answered: it stands until there is an observation."""
        with self._lock:
            self._asked.add(key)

    def map_event(self, kind: Kind, event: str | None, body: Body) -> None:
        """One event of the watch; ``event`` is DELETED, another word, or None for the first list."""
        key = key_of(body)
        before, news = self._cache.body(kind, key), event == "DELETED" or self._cache.is_news(kind, body)
        # Only for news: each reconcile of an instance delivers its policy, however many instances that one selects.
        affected = self._related(kind, key) if news else set()
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
        """Take full lists as the truth (a watch that was cut may have missed deletions) and look at what differs."""
        for kind in (Kind.POLICY, Kind.BREAK_GLASS, Kind.INSTANCE):
            for key in self._cache.replace(kind, lists[kind]):
                self._enqueue(kind, key, set(), Urgency.CHANGE)
        self._cache.mark_synced()

    def everything(self, urgency: Urgency = Urgency.CLOCK) -> None:
        """Look at every object, as after a start or a change of leader."""
        for kind in Kind:
            self._add(kind, self._cache.keys(kind), urgency)

    def lane(self, key: WorkKey) -> str | None:
        """What a reconcile keeps busy: the host of the instance's Jenkins; two instances of one host and namespace never run side by side.

        By namespace: many slow instances of one, on a host that several share, must not keep the others waiting, nor make the host suspect
        for them."""
        instance = self._cache.instance(key.key) if key.kind is Kind.INSTANCE else None
        return f"{key.key.namespace} {host_and_port(instance.spec.url)}" if instance else None

    def policies_of(self, key: Key) -> list[Key]:
        """The policies that select an instance."""
        found = self._cache.instance(key)
        namespaces = self._cache.namespaces()
        return [p.meta.key for p in self._cache.policies() if found and selects(p, found, namespaces)]

    def members_of(self, policy: TwoFactorPolicy) -> set[Key]:
        """The instances that a policy selects."""
        namespaces = self._cache.namespaces()
        return {i.meta.key for i in self._cache.instances() if selects(policy, i, namespaces)}

    def break_glasses_of(self, key: Key) -> list[Key]:
        """The break-glasses that select an instance, expired ones too: they count it."""
        found = self._cache.instance(key)
        return [one.meta.key for one in self._cache.break_glasses() if found and one.selects(found.meta)]

    def opened_by(self, break_glass: TwoFactorBreakGlass) -> list[JenkinsInstance]:
        """The instances that a break-glass selects."""
        return [one for one in self._cache.instances() if break_glass.selects(one.meta)]

    def unmanaged(self) -> list[Key]:
        """The instances that no policy selects."""
        return [key for key in self._cache.keys(Kind.INSTANCE) if not self.policies_of(key)]

    # --- keys ---

    def _enqueue(self, kind: Kind, key: Key, before: set[WorkKey], urgency: Urgency) -> None:
        self._add(kind, [key], urgency)
        for other in before | self._related(kind, key):
            self._queue.add(other, urgency)
        if kind is not Kind.INSTANCE:
            self._add(Kind.INSTANCE, self._governed_by(key) if kind is Kind.POLICY else self._open_for(key), urgency)

    def _related(self, kind: Kind, key: Key) -> set[WorkKey]:
        """What a change of one object concerns, by selectors: of an instance its policies and break-glasses, of those the instances."""
        if kind is Kind.INSTANCE:
            policies = set(self.policies_of(key)) | self._cluster_policies_for(key.namespace)
            break_glasses = {WorkKey(Kind.BREAK_GLASS, one) for one in self.break_glasses_of(key)}
            return {WorkKey(Kind.POLICY, one) for one in policies} | break_glasses
        if kind is Kind.BREAK_GLASS:
            break_glass = self._cache.break_glass(key)
            return {WorkKey(Kind.INSTANCE, one.meta.key) for one in self.opened_by(break_glass)} if break_glass else set()
        policy = self._cache.policy(key)
        return {WorkKey(Kind.INSTANCE, one) for one in self.members_of(policy)} if policy else set()

    def _governed_by(self, key: Key) -> set[Key]:
        """Instances whose status names a policy: they must hear of its end also when no selector tells any more."""
        named = {"namespace": key.namespace, "name": key.name}
        found = set()
        for body in self._cache.bodies(Kind.INSTANCE):
            policy = (body.get("status") or {}).get("policy") or {}
            if {name: policy.get(name, "") for name in named} == named:
                found.add(key_of(body))
        return found

    def _open_for(self, key: Key) -> set[Key]:
        """Instances whose status names a break-glass: they must hear of its end even when its object is known no more."""
        found = ((key_of(body), break_glass_of(body)) for body in self._cache.bodies(Kind.INSTANCE))
        return {instance for instance, held in found if held and instance.namespace == key.namespace and held.name == key.name}

    def _cluster_policies_for(self, namespace: str) -> set[Key]:
        """The cluster policies that are meant for a namespace: they count the instances that escape them."""
        namespaces = self._cache.namespaces()
        return {one.meta.key for one in self._cache.policies() if one.is_cluster and reaches(one, namespace, namespaces)}

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
            self._asked |= members


def _request(body: Mapping[str, Any]) -> str | None:
    value: str | None = (body["metadata"].get("annotations") or {}).get(RECONCILE_AT)
    return value
