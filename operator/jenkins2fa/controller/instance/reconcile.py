"""The reconcile of an instance: everything that happens to one controller, from top to bottom in :meth:`InstanceReconciler.run`."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import Access
from jenkins2fa.api.meta import TAKE_OVER, Key
from jenkins2fa.api.parse import parse_instance
from jenkins2fa.api.status import governing_policy
from jenkins2fa.controller.aggregate import BreakGlassReconciler, PolicyReconciler
from jenkins2fa.controller.context import SERVED_BY_ANOTHER_SECONDS, Context
from jenkins2fa.controller.instance.apply import apply_policy
from jenkins2fa.controller.instance.observe import mode_by_spec, observe, observe_by_canaries
from jenkins2fa.controller.instance.ownership import holder_of, without_policy
from jenkins2fa.controller.instance.schedule import next_reconcile
from jenkins2fa.controller.instance.status import instance_document, report_gate_events
from jenkins2fa.controller.instance.subject import Outdated, Subject
from jenkins2fa.controller.queue import NEVER, Kind, Requeue, Urgency, Work
from jenkins2fa.controller.status import invalid_document, write_status
from jenkins2fa.core.assess import Failure, Outcome
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.errors import JenkinsError


class InstanceReconciler:
    def __init__(self, context: Context, policies: PolicyReconciler, break_glasses: BreakGlassReconciler) -> None:
        self._context, self._policies, self._break_glasses = context, policies, break_glasses

    def run(self, work: Work) -> Requeue:
        """Decide from which state of the objects to work; then observe, change and report."""
        context, key = self._context, work.key.key
        cached = self._cached_subject(work)
        if cached is not None:
            return self._reconcile(cached)
        body = context.live(Kind.INSTANCE, key)
        if body is None:
            context.memories.forget(key)
            context.metrics.tally.forget(key)
            return NEVER
        if context.is_served_by_another(Kind.INSTANCE, body):
            context.memories.forget(key)
            return Requeue(after=SERVED_BY_ANOTHER_SECONDS)
        try:
            instance = parse_instance(body)
        except InvalidObject as error:
            write_status(context, Kind.INSTANCE, body, invalid_document(body["metadata"].get("generation", 0), error))
            return NEVER
        if instance.meta.deleting:
            return NEVER  # only a finalizer keeps it
        memory = context.memories.of(key, instance.meta.uid)
        return self._reconcile(Subject(body, instance, context.resolve(instance).winner, memory, context.mapping.take_request(key)))

    def _cached_subject(self, work: Work) -> Subject | None:
        """The subject from the watch cache, for a reconcile that only the clock has caused; None = read the object now.

        So an observation that finds nothing to do costs no request to the API server. Before a change, the objects are read."""
        context, key = self._context, work.key.key
        body, instance = context.cache.body(Kind.INSTANCE, key), context.cache.instance(key)
        if work.urgency is not Urgency.CLOCK or work.failures or body is None or instance is None or instance.meta.deleting:
            return None
        memory, policy = context.memories.of(key, instance.meta.uid), context.resolve(instance).winner
        if memory.last_good is None or policy is None or context.break_glasses(instance):
            return None
        if context.other_installations.serving(body) is not None:
            return None
        return Subject(body, instance, policy, memory, context.mapping.take_request(key), live=False)

    def _reconcile(self, subject: Subject) -> Requeue:
        observed = False
        try:
            observed, requeue = self._observe_and_report(subject)
            return requeue
        finally:
            if subject.requested and not observed:
                self._context.mapping.renew_request(subject.key)

    def _observe_and_report(self, subject: Subject) -> tuple[bool, Requeue]:
        """Returns whether the controller was observed, and when the next reconcile is due."""
        context, body = self._context, subject.body
        try:
            outcome = self._outcome(subject)
        except Outdated:
            return False, Requeue(after=0.0, urgency=Urgency.CHANGE)
        context.metrics.tally.note(outcome, context.now())
        with context.metrics.step("status"):
            written = write_status(context, Kind.INSTANCE, body, instance_document(body, outcome, context))
        if written:
            self._request_aggregates(subject)
        return outcome.observed, next_reconcile(outcome, subject.memory, context)

    def _outcome(self, subject: Subject) -> Outcome:
        """Observe the controller, then do what the policy asks for. A failure at the controller is an outcome too."""
        context, instance, policy = self._context, subject.instance, subject.policy
        if policy is not None and policy.invalid:
            message = f"the policy {policy.meta.key} governs this instance and cannot be used (its status says why): nothing is changed"
            return Outcome(instance, policy, failure=Failure(Reason.INVALID, message, transient=False))
        if policy is not None and policy.spec.suspend:
            return Outcome(instance, policy, mode_by_spec=Mode.SUSPENDED)
        if instance.spec.access is Access.PROBE_ONLY:
            subject.memory.close()
            with context.metrics.step("probe"):
                return observe_by_canaries(context, subject)
        try:
            with context.metrics.step("observe"):
                driver, observation = observe(context, subject)
            duplicate = self._duplicate(subject, observation)
            if duplicate is not None:
                return Outcome(instance, policy, observation, mode_by_spec(context, subject), failure=duplicate)
            if policy is None:
                return without_policy(context, subject, driver, observation)
            corrected = report_gate_events(context, subject)
            outcome = apply_policy(context, subject, policy, driver, observation)
            return replace(outcome, corrected=tuple(dict.fromkeys((*corrected, *outcome.corrected)))) if corrected else outcome
        except JenkinsError as error:
            return Outcome(instance, policy, None, mode_by_spec(context, subject), failure=subject.failure(error, context.clock()))

    def _duplicate(self, subject: Subject, observation: Observation) -> Failure | None:
        """The failure that another instance manages this controller; None = none does."""
        holder = holder_of(self._context, subject.without_processed_take_over().instance, observation)
        if holder is None or observation.owner is None:
            return None
        name = holder.key if holder.namespace == subject.key.namespace else "an instance of another namespace"
        message = (
            f"{name} holds the owner record of this controller, so it alone manages it: delete one of the two, or take over by the "
            f"annotation {TAKE_OVER}: {observation.owner.name}"
        )
        return Failure(Reason.DUPLICATE_INSTANCE, message, transient=False)

    def _request_aggregates(self, subject: Subject) -> None:
        """The status has changed: ask for reconciles of the policies and break-glasses that aggregate it."""
        former = governing_policy(subject.body)
        keys = set(self._context.mapping.policies_of(subject.key)) | ({Key(former.namespace, former.name)} if former else set())
        for key in keys:
            self._policies.request(key)
        for key in self._context.mapping.break_glasses_of(subject.key):
            self._break_glasses.request(key)
