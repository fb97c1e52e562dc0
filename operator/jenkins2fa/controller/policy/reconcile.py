"""A policy's reconcile: aggregates the statuses of its instances. It never talks to a Jenkins controller."""

from __future__ import annotations

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.parse import parse_policy
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, STALLED, condition_of, governing_policy, policy_status_document
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.schedule import ANOTHER_SERVES
from jenkins2fa.controller.instance.status import invalid_document, write_status
from jenkins2fa.controller.pace import Pace
from jenkins2fa.controller.queue import NEVER, Kind, Requeue, Urgency, Work, WorkKey
from jenkins2fa.controller.rollout import call_admitted, next_progress, until_next
from jenkins2fa.core.mode import in_grace
from jenkins2fa.core.policy_status import Escape, PolicyMember, aggregate_policy
from jenkins2fa.core.precedence import escape_of, reaches

LOOK_AGAIN = 300.0


class PolicyReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._pace = Pace()

    def soon(self, key: Key) -> None:
        """Ask for a reconcile now, or when a second has gone by since the last."""
        self._context.queue.add(WorkKey(Kind.POLICY, key), Urgency.DRIFT, after=self._pace.wait(key, self._context.clock()))

    def run(self, work: Work) -> Requeue:
        context, key = self._context, work.key.key
        self._pace.began(key, work.urgency, context.clock())
        body = context.live(Kind.POLICY, key)
        if body is None:
            self._pace.forget(key)
            return NEVER
        if context.is_left_alone(Kind.POLICY, body):
            return Requeue(after=ANOTHER_SERVES)
        try:
            policy = parse_policy(body)
        except InvalidObject as error:
            write_status(context, Kind.POLICY, body, invalid_document(body["metadata"].get("generation", 0), error))
            return NEVER
        members = self._members(policy)
        progress = next_progress(context, policy, body, members)
        staged = in_grace(policy.spec, context.now())
        status = aggregate_policy(policy, members, progress, staged=staged, escapes=self._escapes(policy))
        write_status(context, Kind.POLICY, body, policy_status_document(status))
        call_admitted(context, policy, progress, members)
        left = until_next(context, policy, body, progress)
        return Requeue(after=LOOK_AGAIN) if left is None else Requeue(after=min(LOOK_AGAIN, left), urgency=Urgency.DRIFT)

    def _members(self, policy: TwoFactorPolicy) -> list[PolicyMember]:
        selected = self._context.mapping.members_of(policy)
        instances = [found for key in selected if (found := self._context.cache.instance(key)) is not None]
        return [self._member(policy, found) for found in instances]

    def _escapes(self, policy: TwoFactorPolicy) -> list[Escape] | None:
        """Instances that stay out of a cluster policy; None for any other policy."""
        if not policy.is_cluster:
            return None
        context, namespaces = self._context, self._context.cache.namespaces()
        ways = (
            (one.meta.key, escape_of(policy, one, context.resolve(one).winner, namespaces))
            for one in context.cache.instances()
            if reaches(policy, one.meta.namespace, namespaces)
        )
        return [Escape(key, how) for key, how in ways if how is not None]

    def _member(self, policy: TwoFactorPolicy, instance: JenkinsInstance) -> PolicyMember:
        key, winner = instance.meta.key, self._context.resolve(instance).winner
        if winner is None or winner.meta.key != policy.meta.key:
            return PolicyMember(key, governed=False, overridden_by=winner.meta.key if winner else None)
        body = self._context.cache.body(Kind.INSTANCE, key) or {}
        named = governing_policy(body)
        current = named is not None and (named.uid, named.generation) == (policy.meta.uid, policy.meta.generation)
        if not current or (body.get("status") or {}).get("observedGeneration") != instance.meta.generation:
            return PolicyMember(key, governed=True)  # its status is about something else yet
        ready, stalled, enforced, drifted = (condition_of(body, kind) for kind in (READY, STALLED, ENFORCED, DRIFTED))
        return PolicyMember(key, True, None, ready, stalled, enforced, drifted)
