"""The reconciles of policies and break-glasses: each aggregates the statuses of the instances that its object selects.

They never talk to a Jenkins controller. The reconciles of the instances change the controllers, and open and close break-glass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.parse import parse_break_glass, parse_policy
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import (
    DRIFTED,
    ENFORCED,
    OPEN,
    READY,
    STALLED,
    break_glass_history,
    break_glass_of,
    break_glass_status_document,
    condition_of,
    governing_policy,
    policy_status_document,
)
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.context import SERVED_BY_ANOTHER_SECONDS, Context
from jenkins2fa.controller.queue import NEVER, Kind, Requeue, Urgency, Work, WorkKey
from jenkins2fa.controller.rollout import enqueue_admitted, next_progress, until_next
from jenkins2fa.controller.status import invalid_document, write_status
from jenkins2fa.core.break_glass import BreakGlassMember, aggregate_break_glass
from jenkins2fa.core.mode import in_grace
from jenkins2fa.core.policy_status import Escape, PolicyMember, aggregate_policy
from jenkins2fa.core.precedence import escape_of, reaches
from jenkins2fa.core.reasons import Reason

SHORTEST_GAP = 1.0  # seconds between two reconciles of one object
LONGEST_GAP = 300.0  # seconds until the next reconcile, even if no instance reports anything
Resource = TypeVar("Resource", TwoFactorPolicy, TwoFactorBreakGlass)


class Pace:
    """When the reports of instances may cause the next reconcile of an object. The first report after a change is not delayed."""

    def __init__(self) -> None:
        self._last: dict[Key, float] = {}

    def began(self, key: Key, urgency: Urgency, now: float) -> None:
        if urgency is not Urgency.CHANGE:
            self._last[key] = now

    def wait(self, key: Key, now: float) -> float:
        """Seconds until the next reconcile may begin."""
        return max(0.0, self._last.get(key, -SHORTEST_GAP) + SHORTEST_GAP - now)

    def forget(self, key: Key) -> None:
        self._last.pop(key, None)


class AggregateReconciler(ABC, Generic[Resource]):
    """What the reconciles of policies and break-glasses have in common.

    ``kind``: of the object; ``own_conditions``: those that it has besides Ready, Reconciling and Stalled."""

    kind: ClassVar[Kind]
    own_conditions: ClassVar[tuple[str, ...]]

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pace = Pace()

    def request(self, key: Key) -> None:
        """Ask for a reconcile: now, or as soon as a second has passed since the last one began."""
        self._context.queue.add(WorkKey(self.kind, key), Urgency.DRIFT, after=self._pace.wait(key, self._context.clock()))

    def run(self, work: Work) -> Requeue:
        context, key = self._context, work.key.key
        self._pace.began(key, work.urgency, context.clock())
        body = context.live(self.kind, key)
        if body is None:
            self._pace.forget(key)
            return NEVER
        if context.is_served_by_another(self.kind, body):
            return Requeue(after=SERVED_BY_ANOTHER_SECONDS)
        try:
            resource = self._parse(body)
        except InvalidObject as error:
            generation = body["metadata"].get("generation", 0)
            write_status(context, self.kind, body, invalid_document(generation, error, self.own_conditions))
            return NEVER
        return self._aggregate(resource, body)

    @abstractmethod
    def _parse(self, body: Body) -> Resource:
        """The object as data. Raises InvalidObject."""

    @abstractmethod
    def _aggregate(self, resource: Resource, body: Body) -> Requeue:
        """Write the status of the object, and say when the next reconcile is due. ``body``: the object as it was just read."""


class PolicyReconciler(AggregateReconciler[TwoFactorPolicy]):
    kind = Kind.POLICY
    own_conditions = (ENFORCED, DRIFTED)

    def _parse(self, body: Body) -> TwoFactorPolicy:
        return parse_policy(body)

    def _aggregate(self, resource: TwoFactorPolicy, body: Body) -> Requeue:
        context, policy = self._context, resource
        members = self._members(policy)
        progress = next_progress(context, policy, body, members)
        staged = in_grace(policy.spec, context.now())
        status = aggregate_policy(policy, members, progress, staged=staged, escapes=self._escapes(policy))
        write_status(context, Kind.POLICY, body, policy_status_document(status))
        enqueue_admitted(context, policy, progress, members)
        left = until_next(context, policy, body, progress)
        return Requeue(after=LONGEST_GAP) if left is None else Requeue(after=min(LONGEST_GAP, left), urgency=Urgency.DRIFT)

    def _members(self, policy: TwoFactorPolicy) -> list[PolicyMember]:
        keys = self._context.mapping.members_of(policy)
        instances = [instance for key in keys if (instance := self._context.cache.instance(key)) is not None]
        return [self._member(policy, instance) for instance in instances]

    def _escapes(self, policy: TwoFactorPolicy) -> list[Escape] | None:
        """Instances that stay out of a cluster policy; None for any other policy."""
        if not policy.is_cluster:
            return None
        context, namespaces = self._context, self._context.cache.namespaces()
        escapes = (
            (instance.meta.key, escape_of(policy, instance, context.resolve(instance).winner, namespaces))
            for instance in context.cache.instances()
            if reaches(policy, instance.meta.namespace, namespaces)
        )
        return [Escape(key, how) for key, how in escapes if how is not None]

    def _member(self, policy: TwoFactorPolicy, instance: JenkinsInstance) -> PolicyMember:
        key, winner = instance.meta.key, self._context.resolve(instance).winner
        if winner is None or winner.meta.key != policy.meta.key:
            return PolicyMember(key, governed=False, overridden_by=winner.meta.key if winner else None)
        body = self._context.cache.body(Kind.INSTANCE, key) or {}
        named = governing_policy(body)
        current = named is not None and (named.uid, named.generation) == (policy.meta.uid, policy.meta.generation)
        if not current or (body.get("status") or {}).get("observedGeneration") != instance.meta.generation:
            return PolicyMember(key, governed=True)  # its status is still about another policy or generation
        ready, stalled, enforced, drifted = (condition_of(body, kind) for kind in (READY, STALLED, ENFORCED, DRIFTED))
        return PolicyMember(key, True, None, ready, stalled, enforced, drifted)


class BreakGlassReconciler(AggregateReconciler[TwoFactorBreakGlass]):
    kind = Kind.BREAK_GLASS
    own_conditions = (OPEN,)

    def _parse(self, body: Body) -> TwoFactorBreakGlass:
        return parse_break_glass(body)

    def _aggregate(self, resource: TwoFactorBreakGlass, body: Body) -> Requeue:
        if _is_expired(body):
            return NEVER  # its status is a record from now on
        self._report(resource, body)
        left = (resource.spec.expires_at - self._context.now()).total_seconds()
        return Requeue(after=min(LONGEST_GAP, left + 0.5), urgency=Urgency.DRIFT) if left > 0 else NEVER

    def _report(self, break_glass: TwoFactorBreakGlass, body: Body) -> None:
        context, history = self._context, break_glass_history(body)
        instances = context.mapping.selected_by(break_glass)
        members = [self._member(break_glass, instance) for instance in instances]
        status = aggregate_break_glass(break_glass, members, history, context.now())
        write_status(context, Kind.BREAK_GLASS, body, break_glass_status_document(status))
        if status.closed_at is not None and history.closed_at is None:
            for instance in instances:  # it asks for nothing any more, so an instance that refused it has nothing left to refuse
                context.queue.add(WorkKey(Kind.INSTANCE, instance.meta.key), Urgency.DRIFT)

    def _member(self, break_glass: TwoFactorBreakGlass, instance: JenkinsInstance) -> BreakGlassMember:
        body = self._context.cache.body(Kind.INSTANCE, instance.meta.key) or {}
        ready, reported = condition_of(body, READY), break_glass_of(body)
        if reported is None:
            return BreakGlassMember(instance.meta.key, ready=ready)
        refused = next(((refusal.reason, refusal.message) for refusal in reported.refused if refusal.uid == break_glass.meta.uid), None)
        return BreakGlassMember(instance.meta.key, reported.until, refused, ready)


def _is_expired(body: Body) -> bool:
    """Whether its status already reports that it has expired."""
    ready = condition_of(body, READY)
    return ready is not None and ready.reason == Reason.EXPIRED
