"""Changing a Jenkins because a policy says so: what is ordered, who insists on what, what is told afterwards."""

from __future__ import annotations

import secrets
from dataclasses import replace

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.api.policy import Enforcement, TwoFactorPolicy
from jenkins2fa.controller.cache import fingerprint
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.break_glass import settle_break_glass
from jenkins2fa.controller.instance.canaries import ask_canaries
from jenkins2fa.controller.instance.memory import PROBE_SECONDS, RememberedProof
from jenkins2fa.controller.instance.observe import proof_of
from jenkins2fa.controller.instance.ownership import may_take_over
from jenkins2fa.controller.instance.status import announce, log_change
from jenkins2fa.controller.instance.subject import Outdated, Subject
from jenkins2fa.controller.policy.rollout import admitted
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.assess import Assessment, assess
from jenkins2fa.core.conditions import COUNTING_USERS, STAGES, Outcome, Trouble
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ConfirmedUnseen, JenkinsError, MultipleReplicas, Refused
from jenkins2fa.jenkins.target import gate_code_for
from jenkins2fa.kube.events import Announcement

COUNTING = Trouble(
    COUNTING_USERS,
    "before the first enforcement Jenkins looks up which of its users are administrators, and its security realm is slow: "
    "the next look goes on",
    transient=True,
)
HELD = "; the gate went on asking people: to switch it off for a while, open a break-glass (spec.breakGlass of the policy)"
UNMARKED = "no owner mark is left in this Jenkins, since its home cannot be written to"  # what ``notes`` say of it


def apply_policy(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, seen: Observation) -> Outcome:
    """Assess, change or probe. Raises Outdated when the policy is not what it was when the pass began."""
    subject = subject.heeding_take_over_once()
    seen = _without_remains(context, subject, policy, driver, seen)
    found = _assess(context, subject, policy, driver, seen)
    glass = settle_break_glass(context, subject, policy, driver, seen, found)
    if glass.changed:
        seen = driver.observe(groups=_groups(policy))
        found = _assess(context, subject, policy, driver, seen)
    if _is_first_enforcement(policy, seen, found):
        seen = driver.observe(groups=_groups(policy), users=True, exempt=policy.spec.exempt_groups)
        found = _assess(context, subject, policy, driver, seen)
    outcome = Outcome(subject.instance, policy, seen, found.plan, found.findings, found.mode, found.drift, glass=glass.refused)
    counting = policy.spec.rollout.minimum_enrolled is not None and seen.enrolment is not None and not seen.enrolment.complete
    if found.mode is Mode.WRITE and counting:
        return replace(outcome, trouble=COUNTING)
    notes: tuple[str, ...] = ()
    if found.mode is Mode.WRITE and found.refused is None and (found.plan.changes or _is_to_be_claimed(policy, seen, found)):
        if found.plan.changes or not _is_known_unwritable(context, subject, found):
            changed = _change(context, subject, policy, driver, outcome, found)
            if not _is_mark_all_that_lacks(subject, found, changed):
                return changed
            subject.memory.unmarked = (_digest(subject, found), context.clock())
        notes = (UNMARKED,)
    if policy.spec.enforcement is Enforcement.OFF or not seen.effective:
        return replace(outcome, notes=notes)
    met = proof_of(context, subject.instance, subject.memory, driver, seen, _digest(subject, found), asked=subject.asked)
    return replace(outcome, proof=met.proof, notes=(*met.notes, *notes))


def unseen_mode(context: Context, subject: Subject) -> Mode:
    """Whether a pass might write to a Jenkins that it could not look at, by what policy and instance say alone."""
    policy = subject.policy
    if policy is None:
        return Mode.WRITE
    return mode_of(policy.spec, subject.instance.spec, Circumstances(context.now(), admitted=admitted(context, policy, subject.key)))


def _assess(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, seen: Observation) -> Assessment:
    return assess(
        policy,
        subject.instance,
        seen,
        gate_code_for(policy.spec, subject.instance.spec, seen.user),
        cluster=context.cluster(),
        now=context.now(),
        take_over=may_take_over(context, subject.instance, seen),
        require_approval=context.options.require_approval,
        premium=context.options.experimental_premium,
        asked=subject.asked,
        second_factor_login=driver.second_factor_login,
        admitted=admitted(context, policy, subject.key),
    )


def _is_first_enforcement(policy: TwoFactorPolicy, seen: Observation, found: Assessment) -> bool:
    """Whether somebody may be surprised: then it counts who has a second factor already (a look at every user, so not in other passes)."""
    awaited = found.mode in (Mode.WRITE, *STAGES)
    first = not seen.protected and not found.drift
    return policy.spec.enforcement is Enforcement.ENFORCE and first and bool(found.plan.changes) and awaited


def _without_remains(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, seen: Observation) -> Observation:
    """Ends a trial that a killed process of ours has left (its id tells) instead of waiting for its timer: we alone write."""
    pending = seen.trial.pending
    if pending is None or not pending.startswith(subject.instance.meta.uid) or not context.leading():
        return seen
    driver.cancel(pending)
    return driver.observe(groups=_groups(policy))


def _is_to_be_claimed(policy: TwoFactorPolicy, seen: Observation, found: Assessment) -> bool:
    """Whether a Jenkins that is as wanted lacks our mark, or has one that would mislead about drift or about what to do at the end."""
    mark, wanted = seen.owner, found.owner
    if mark is None or wanted is None:
        return True
    return not mark.same_manager(wanted) or mark.desired != wanted.desired or seen.deletion != policy.spec.deletion_policy


def _is_mark_all_that_lacks(subject: Subject, found: Assessment, changed: Outcome) -> bool:
    """Whether Jenkins is as wanted, and only has a home that cannot be written to: what ``gate.mode: Provided`` is for."""
    provided = subject.instance.spec.gate.mode is GateMode.PROVIDED
    return provided and not found.plan.changes and changed.trouble is not None and changed.trouble.reason == "NotPersisted"


def _is_known_unwritable(context: Context, subject: Subject, found: Assessment) -> bool:
    """Whether leaving the mark failed a moment ago; tried again with the probes, and when somebody asks."""
    held = subject.memory.unmarked
    if held is None or subject.asked or held[0] != _digest(subject, found):
        return False
    return context.clock() - held[1] < PROBE_SECONDS


def _order(context: Context, subject: Subject, policy: TwoFactorPolicy, seen: Observation, found: Assessment) -> Order:
    return Order(
        trial=f"{subject.instance.meta.uid}-{secrets.token_hex(4)}",
        desired=found.plan.desired,
        gate_code=found.plan.gate_code,
        owner=found.owner,
        deletion=policy.spec.deletion_policy,
        with_gate=subject.instance.spec.gate.mode is GateMode.MANAGED,
        take_over=may_take_over(context, subject.instance, seen) or subject.instance.meta.annotations.get(TAKE_OVER),
        groups=_groups(policy),
        corrects=found.plan.paths if found.drift else (),
    )


def _change(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, before: Outcome, found: Assessment) -> Outcome:
    """The trial, from its beginning to the confirmation; one that was undone is told with what was seen before it."""
    _insist_on_live(context, subject, policy)
    if before.observation is None:
        raise ValueError("a change begins with an observation")
    order, begun = _order(context, subject, policy, before.observation, found), context.clock()
    try:
        result = _carry_out(context, driver, order)
    except ConfirmedUnseen as error:
        subject.took_over_from(before.observation.owner)
        _tell(context, subject, policy, found, trial=order.trial, seconds=round(context.clock() - begun, 3))
        return replace(before, trouble=subject.trouble(error, context.clock()))
    except JenkinsError as error:
        if isinstance(error, MultipleReplicas):
            subject.memory.note_several()
        _tell_failed(context, subject, order, error, round(context.clock() - begun, 3))
        return replace(before, trouble=subject.trouble(error, context.clock()))
    subject.took_over_from(before.observation.owner)
    met = ask_canaries(context, subject.instance, driver.connection, result.proof)
    if met.lasting:
        subject.memory.proof = RememberedProof(met.proof, result.observation.session, _digest(subject, found), context.clock(), met.notes)
    _tell(context, subject, policy, found, trial=order.trial, seconds=round(context.clock() - begun, 3))
    after = _assess(context, subject, policy, driver, result.observation)
    corrected = found.plan.paths if found.drift else ()
    return Outcome(
        subject.instance,
        policy,
        result.observation,
        result.plan,
        after.findings,
        corrected=corrected,
        glass=before.glass,
        proof=met.proof,
        notes=met.notes,
    )


def _carry_out(context: Context, driver: Driver, order: Order) -> Result:
    with context.metrics.change() as time_step:

        def announced(step: Step) -> None:
            _insist_on_leading(context)
            time_step(step)

        return carry_out(lambda: driver_for(driver.connection, context.note), order, announced, driver)


def _tell_failed(context: Context, subject: Subject, order: Order, error: JenkinsError, seconds: float) -> None:
    """One line with the id that is also in Jenkins' log. The status says why; a refusal changed nothing."""
    if isinstance(error, Refused):
        return
    context.metrics.trial_ended("undone")
    log_change(subject, "Undone", f"a change did not hold: {error.reason}", trial=order.trial, seconds=seconds)


def _tell(context: Context, subject: Subject, policy: TwoFactorPolicy, found: Assessment, **facts: str | float) -> None:
    context.metrics.trial_ended("confirmed")
    if not found.plan.paths:
        mark = f"policy {policy.meta.key}, deletionPolicy {policy.spec.deletion_policy}"
        log_change(subject, "Marked", f"nothing differs; the owner mark says now what holds ({mark})", **facts)
        return
    weakened = tuple(dict.fromkeys(change.path for change in found.plan.weakening))
    context.metrics.weakened(*weakened)
    warning = f"; this weakens the protection: {', '.join(weakened)}" if weakened else ""
    held = HELD if found.drift and found.plan.desired.hold is not None and "enforcement" in found.plan.paths else ""
    note = f"{', '.join(found.plan.paths)} (policy {policy.meta.key}){warning}{held}"
    announce(
        context,
        subject,
        Announcement("DriftCorrected" if found.drift else "Applied", note, action="Apply", warning=bool(weakened)),
        **facts,
    )


def _insist_on_live(context: Context, subject: Subject, policy: TwoFactorPolicy) -> None:
    """Nothing is changed for a policy or an instance that is not there any more, or not like that. Raises Outdated."""
    if not context.is_policy_live(policy):
        raise Outdated
    if subject.live:
        return
    body = context.live(Kind.INSTANCE, subject.key)
    if body is None or fingerprint(body) != fingerprint(subject.body):
        raise Outdated


def _insist_on_leading(context: Context) -> None:
    """Without the Lease no further step is taken: a trial that is not confirmed ends by itself. Raises Outdated."""
    if not context.leading():
        raise Outdated


def _groups(policy: TwoFactorPolicy) -> frozenset[str]:
    return policy.spec.enforced_groups or frozenset()


def _digest(subject: Subject, found: Assessment) -> str:
    """What a proof is about: the desired state, and the canaries that had a part in it."""
    probes = subject.instance.spec.probes
    return f"{found.owner.desired if found.owner else ''} {probes.challenged} {probes.exempt}"
