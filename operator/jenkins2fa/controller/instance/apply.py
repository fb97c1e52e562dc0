"""Makes a controller as its policy desires: assess, change if allowed, probe, and report what was done."""

from __future__ import annotations

import secrets
from dataclasses import replace

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.api.policy import PolicyMode, TwoFactorPolicy
from jenkins2fa.controller.cache import fingerprint
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.break_glass import settle_break_glass
from jenkins2fa.controller.instance.observe import combine_with_canaries, observe_for, proof_of
from jenkins2fa.controller.instance.ownership import may_take_over
from jenkins2fa.controller.instance.status import announce, log_change
from jenkins2fa.controller.instance.subject import PROBE_SECONDS, Outdated, RememberedProof, Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.rollout import admitted
from jenkins2fa.core.assess import Assessment, Failure, Outcome, assess, verified
from jenkins2fa.core.mode import Mode, counts_enrolment
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import moves
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ConfirmedUnobserved, JenkinsError, MultipleReplicas, Refused
from jenkins2fa.jenkins.scripts import gate_code_for
from jenkins2fa.kube.events import Announcement

COUNTING = Failure(
    Reason.COUNTING_USERS,
    "before the first enforcement, Jenkins determines which of its users are administrators, and its security realm is slow: "
    "counting continues with the next reconcile",
    transient=True,
)
HELD = "; the gate continued to challenge users: to switch 2FA off for a while, create a TwoFactorBreakGlass"
NO_OWNER_RECORD = "this controller has no owner record, since Jenkins' home cannot be written to"


def apply_policy(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, observation: Observation) -> Outcome:
    """Assess, then change or probe. Raises Outdated when policy or instance have changed since the reconcile began."""
    subject = subject.without_processed_take_over()
    observation = _without_stale_trial(context, subject, policy, driver, observation)
    assessment = _assess(context, subject, policy, driver, observation)
    settled = settle_break_glass(context, subject, policy, driver, assessment)
    if settled.changed:  # 2FA was switched off or on, so the observation is outdated
        assessment = _assess(context, subject, policy, driver, observe_for(driver, policy))
    first = _is_first_enforcement(policy, assessment)
    if first and assessment.observation.enrolment is None:  # nobody was counted, since a first enforcement was not expected
        assessment = _assess(context, subject, policy, driver, observe_for(driver, policy, users=True))
    outcome, observation = Outcome(subject.instance, policy, assessment, break_glass=settled.decision), assessment.observation
    counting = first and observation.enrolment is not None and not observation.enrolment.complete
    if assessment.mode is Mode.WRITE and counting and policy.spec.rollout.minimum_enrolled is not None:
        return replace(outcome, failure=COUNTING)
    notes: tuple[str, ...] = ()
    must_write = bool(assessment.plan.changes) or _needs_record(policy, assessment)
    if assessment.may_write and must_write:
        if assessment.plan.changes or not _is_known_unwritable(context, subject, assessment):
            changed = _change(context, subject, policy, driver, outcome, assessment)
            if not _lacks_only_the_record(subject, assessment, changed):
                return changed
            subject.memory.unwritable = (_digest(subject, assessment), context.clock())
        notes = (NO_OWNER_RECORD,)
    if policy.spec.mode is PolicyMode.DISABLED or not observation.effective:
        return replace(outcome, notes=notes)
    digest = _digest(subject, assessment)
    combined = proof_of(context, subject.instance, subject.memory, driver, observation, digest, requested=subject.requested)
    return replace(outcome, proof=combined.proof, notes=(*combined.notes, *notes))


def _assess(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, observation: Observation) -> Assessment:
    return assess(
        policy,
        subject.instance,
        observation,
        gate_code_for(policy.spec, subject.instance.spec, observation.user),
        cluster=context.cluster(),
        now=context.now(),
        take_over=may_take_over(context, subject.instance, observation),
        require_approval=context.options.require_approval,
        experimental=context.options.experimental,
        asked=subject.requested,
        second_factor_login=driver.second_factor_login,
        admitted=admitted(context, policy, subject.key),
    )


def _is_first_enforcement(policy: TwoFactorPolicy, assessment: Assessment) -> bool:
    """Whether this would switch 2FA on for the first time, or move it to another plugin: then it matters who has a second factor."""
    observation, plan = assessment.observation, assessment.plan
    first = (not observation.protected or moves(observation, plan)) and not assessment.drift
    return first and bool(assessment.plan.changes) and counts_enrolment(policy.spec, assessment.mode)


def _without_stale_trial(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, observation: Observation
) -> Observation:
    """Ends a trial that a process of ours left when it was killed (its id begins with the instance's UID): its timer would take longer."""
    pending = observation.trial.pending
    if pending is None or not pending.startswith(subject.instance.meta.uid) or not context.leading():
        return observation
    driver.cancel(pending)
    return observe_for(driver, policy, users=observation.enrolment is not None)


def _needs_record(policy: TwoFactorPolicy, assessment: Assessment) -> bool:
    """Whether the owner record must be written even if nothing else differs.

    It must if there is none, or if the present one is wrong about drift, about what to do when the policy ends, or about approvals."""
    present, ours = assessment.observation.owner, assessment.owner
    if present is None or ours is None:
        return True
    other_deletion = assessment.observation.deletion != policy.spec.deletion_policy
    same = present.same_manager(ours) and present.desired == ours.desired and present.approvals == ours.approvals
    return not same or other_deletion


def _lacks_only_the_record(subject: Subject, assessment: Assessment, changed: Outcome) -> bool:
    """Whether a controller is as desired except that its home is read-only, the case for which ``gate.mode: Provided`` is made."""
    provided = subject.instance.spec.gate.mode is GateMode.PROVIDED
    return provided and not assessment.plan.changes and changed.failure is not None and changed.failure.reason == Reason.NOT_PERSISTED


def _is_known_unwritable(context: Context, subject: Subject, assessment: Assessment) -> bool:
    """Whether writing this owner record failed recently. It is retried as often as probes are made, and on request."""
    failed = subject.memory.unwritable
    if failed is None or subject.requested or failed[0] != _digest(subject, assessment):
        return False
    return context.clock() - failed[1] < PROBE_SECONDS


def _order(context: Context, subject: Subject, policy: TwoFactorPolicy, assessment: Assessment) -> Order:
    return Order(
        trial=f"{subject.instance.meta.uid}-{secrets.token_hex(4)}",
        desired=assessment.plan.desired,
        gate_code=assessment.plan.gate_code,
        owner=assessment.owner,
        deletion=policy.spec.deletion_policy,
        with_gate=subject.instance.spec.gate.mode is GateMode.MANAGED,
        take_over=may_take_over(context, subject.instance, assessment.observation) or subject.instance.meta.annotations.get(TAKE_OVER),
        groups=_groups(policy),
        corrects=assessment.plan.paths if assessment.drift else (),
    )


def _change(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, before: Outcome, assessment: Assessment
) -> Outcome:
    """Carry out a trial and report it. If it is undone, the outcome keeps the observation from before."""
    _require_live(context, subject, policy)
    order, begun = _order(context, subject, policy, assessment), context.clock()
    try:
        result = _carry_out(context, driver, order)
    except ConfirmedUnobserved as error:
        subject.took_over_from(assessment.observation.owner)
        _report_applied(context, subject, policy, assessment, trial=order.trial, seconds=round(context.clock() - begun, 3))
        return replace(before, failure=subject.failure(error, context.clock()))
    except JenkinsError as error:
        if isinstance(error, MultipleReplicas):
            subject.memory.note_several_processes()
        _report_undone(context, subject, order, error, round(context.clock() - begun, 3))
        return replace(before, failure=subject.failure(error, context.clock()))
    subject.took_over_from(assessment.observation.owner)
    subject.memory.protected = result.observation.protected
    combined = combine_with_canaries(context, subject.instance, driver.connection, result.proof)
    if combined.lasting:
        digest = _digest(subject, assessment)
        subject.memory.proof = RememberedProof(combined.proof, result.observation.session, digest, context.clock(), combined.notes)
    _report_applied(context, subject, policy, assessment, trial=order.trial, seconds=round(context.clock() - begun, 3))
    return replace(
        before,
        basis=verified(assessment, result.observation, result.plan),
        corrected=assessment.plan.paths if assessment.drift else (),
        proof=combined.proof,
        notes=combined.notes,
    )


def _carry_out(context: Context, driver: Driver, order: Order) -> Result:
    with context.metrics.change() as time_step:

        def announced(step: Step) -> None:
            _require_leadership(context)
            time_step(step)

        return carry_out(lambda: driver_for(driver.connection, context.note, provider=driver.provider), order, announced, driver)


def _report_undone(context: Context, subject: Subject, order: Order, error: JenkinsError, seconds: float) -> None:
    """Log the id of the trial, which is also in Jenkins' log; the status has the reason. A refusal changed nothing and is not logged."""
    if isinstance(error, Refused):
        return
    context.metrics.trial_ended("undone")
    log_change(subject, "Undone", f"a change did not hold: {error.reason}", trial=order.trial, seconds=seconds)


def _report_applied(context: Context, subject: Subject, policy: TwoFactorPolicy, assessment: Assessment, **facts: str | float) -> None:
    context.metrics.trial_ended("confirmed")
    if not assessment.plan.paths:
        record = f"policy {policy.meta.key}, deletionPolicy {policy.spec.deletion_policy}"
        log_change(subject, "OwnerRecorded", f"nothing differs; the owner record is updated ({record})", **facts)
        return
    weakened = tuple(dict.fromkeys(change.path for change in assessment.plan.weakening))
    context.metrics.weakened(*weakened)
    warning = f"; this weakens the protection: {', '.join(weakened)}" if weakened else ""
    held_by_gate = HELD if assessment.drift and assessment.plan.desired.hold is not None and "mode" in assessment.plan.paths else ""
    note = f"{', '.join(assessment.plan.paths)} (policy {policy.meta.key}){warning}{held_by_gate}"
    announce(
        context,
        subject,
        Announcement("DriftCorrected" if assessment.drift else "Applied", note, action="Apply", warning=bool(weakened)),
        **facts,
    )


def _require_live(context: Context, subject: Subject, policy: TwoFactorPolicy) -> None:
    """Raises Outdated if policy or instance are gone or have changed: then nothing may be changed for them."""
    if not context.is_live(Kind.POLICY, policy.meta):
        raise Outdated
    if subject.live:
        return
    body = context.live(Kind.INSTANCE, subject.key)
    if body is None or fingerprint(body) != fingerprint(subject.body):
        raise Outdated


def _require_leadership(context: Context) -> None:
    """Raises Outdated without the Lease. A trial that is not continued is undone by Jenkins."""
    if not context.leading():
        raise Outdated


def _groups(policy: TwoFactorPolicy) -> frozenset[str]:
    return policy.spec.enforced_groups or frozenset()


def _digest(subject: Subject, assessment: Assessment) -> str:
    """What a proof is valid for: the desired state and the canaries."""
    return f"{assessment.owner.desired if assessment.owner else ''} {subject.instance.spec.canaries}"
