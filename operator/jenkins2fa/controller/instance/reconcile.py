"""The reconcile of an instance: everything that happens to one controller, from top to bottom in :meth:`InstanceReconciler.run`."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import Access
from jenkins2fa.api.meta import TAKE_OVER, Key
from jenkins2fa.api.parse import parse_instance
from jenkins2fa.api.status import governing_policy
from jenkins2fa.controller.break_glass import BreakGlassReconciler
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.apply import apply_policy
from jenkins2fa.controller.instance.gate_events import tell_gate_news
from jenkins2fa.controller.instance.observe import mode_by_spec, observe, observe_by_canaries
from jenkins2fa.controller.instance.ownership import holder_of, without_policy
from jenkins2fa.controller.instance.schedule import ANOTHER_SERVES, when_again
from jenkins2fa.controller.instance.status import instance_document, invalid_document, write_status
from jenkins2fa.controller.instance.subject import Outdated, Subject
from jenkins2fa.controller.policy.reconcile import PolicyReconciler
from jenkins2fa.controller.queue import NEVER, Kind, Requeue, Urgency, Work
from jenkins2fa.core.assess import Failure, Outcome
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.errors import JenkinsError


class InstanceReconciler:
    def __init__(self, context: Context, policies: PolicyReconciler, break_glasses: BreakGlassReconciler) -> None:
        self._context, self._policies, self._break_glasses = context, policies, break_glasses

    def run(self, work: Work) -> Requeue:
        """Routine; else get, gone, another's, invalid, resolve. Then settle, report, requeue."""
        context, key = self._context, work.key.key
        routine = self._routine(work)
        if routine is not None:
            return self._served(routine)
        body = context.live(Kind.INSTANCE, key)
        if body is None:
            context.memories.forget(key)
            context.metrics.tally.forget(key)
            return NEVER
        if context.is_left_alone(Kind.INSTANCE, body):
            context.memories.forget(key)
            return Requeue(after=ANOTHER_SERVES)
        try:
            instance = parse_instance(body)
        except InvalidObject as error:
            write_status(context, Kind.INSTANCE, body, invalid_document(body["metadata"].get("generation", 0), error))
            return NEVER
        if instance.meta.deleting:
            return NEVER  # somebody's finalizer holds it; for us it is gone
        memory = context.memories.of(key, instance.meta.uid)
        return self._served(Subject(body, instance, context.resolve(instance).winner, memory, context.mapping.take_request(key)))

    def _routine(self, work: Work) -> Subject | None:
        """What a reconcile is about that only the clock has called for, as the watch has told it last: so an observation that finds
        nothing to do asks the API server for nothing. Where a Jenkins is to be changed, the objects are read first. None = read it now."""
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

    def _served(self, subject: Subject) -> Requeue:
        looked = False
        try:
            looked, again = self._serve(subject)
            return again
        finally:
            if subject.asked and not looked:
                self._context.mapping.ask_again(subject.key)

    def _serve(self, subject: Subject) -> tuple[bool, Requeue]:
        """Whether the controller was observed, and when to do so again."""
        context, body = self._context, subject.body
        try:
            outcome = self._settle(subject)
        except Outdated:
            return False, Requeue(after=0.0, urgency=Urgency.CHANGE)
        context.metrics.tally.note(outcome, context.now())
        with context.metrics.step("status"):
            written = write_status(context, Kind.INSTANCE, body, instance_document(body, outcome, context))
        if written:
            self._tell_policies(subject)
        return outcome.observed, when_again(outcome, subject.memory, context)

    def _settle(self, subject: Subject) -> Outcome:
        """Credentials, observe, then what the policy asks for. A failure of the controller is an outcome too."""
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
            corrected = tell_gate_news(context, subject)
            outcome = apply_policy(context, subject, policy, driver, observation)
            return replace(outcome, corrected=tuple(dict.fromkeys((*corrected, *outcome.corrected)))) if corrected else outcome
        except JenkinsError as error:
            return Outcome(instance, policy, None, mode_by_spec(context, subject), failure=subject.failure(error, context.clock()))

    def _duplicate(self, subject: Subject, observation: Observation) -> Failure | None:
        """Why another instance manages this controller; None = none does."""
        holder = holder_of(self._context, subject.without_processed_take_over().instance, observation)
        if holder is None or observation.owner is None:
            return None
        named = holder.key if holder.namespace == subject.key.namespace else "an instance of another namespace"
        message = (
            f"{named} holds the owner record of this Jenkins, so it alone manages it: delete one of the two, or take over by the "
            f"annotation {TAKE_OVER}: {observation.owner.name}"
        )
        return Failure(Reason.DUPLICATE_INSTANCE, message, transient=False)

    def _tell_policies(self, subject: Subject) -> None:
        former = governing_policy(subject.body)
        keys = set(self._context.mapping.policies_of(subject.key)) | ({Key(former.namespace, former.name)} if former else set())
        for key in keys:
            self._policies.soon(key)
        for key in self._context.mapping.break_glasses_of(subject.key):
            self._break_glasses.soon(key)
