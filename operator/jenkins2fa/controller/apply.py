"""Changing a Jenkins because a policy says so: what is ordered, who insists on what, what is told afterwards."""

from __future__ import annotations

import secrets

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.api.policy import Enforcement, TwoFactorPolicy
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.events import Announcement
from jenkins2fa.controller.looking import proof_of
from jenkins2fa.controller.memory import RememberedProof
from jenkins2fa.controller.owners import may_take_over
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.report import announce
from jenkins2fa.controller.subject import Outdated, Subject
from jenkins2fa.core.conditions import Outcome
from jenkins2fa.core.desired import Desired, desired_state
from jenkins2fa.core.guard import Situation, check, refusals
from jenkins2fa.core.mode import Mode, mode_of
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import desired_digest, is_drift, make_plan
from jenkins2fa.core.settings import gate_configuration
from jenkins2fa.jenkins.change import Order, carry_out
from jenkins2fa.jenkins.drivers.miniorange import MiniOrange
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.scripts import gate_code


def apply_policy(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: MiniOrange, seen: Observation) -> Outcome:
    """Plan, guard, change or probe. Raises Outdated when the policy is not what it was when the pass began."""
    spec, instance = policy.spec, subject.instance.spec
    seen = _without_remains(context, subject, driver, seen, policy)
    desired = desired_state(spec, instance, seen.user)
    plan = make_plan(seen, desired, _expected_code(desired, instance.gate.mode))
    drift = is_drift(seen, plan)
    mode = mode_of(spec, instance, drift=drift)
    order = Order(
        trial=f"{subject.instance.meta.uid}-{secrets.token_hex(4)}",
        desired=desired,
        gate_code=plan.gate_code,
        owner=_owner(context, subject, policy, desired_digest(desired, plan.gate_code)),
        deletion=spec.deletion_policy,
        with_gate=instance.gate.mode is GateMode.MANAGED,
        take_over=may_take_over(context, subject.instance, seen) or subject.instance.meta.annotations.get(TAKE_OVER),
        groups=spec.enforced_groups or frozenset(),
    )
    findings = check(Situation(spec, instance, seen, plan, order.owner, order.take_over, second_factor_login=driver.second_factor_login))
    outcome = Outcome(subject.instance, policy, seen, plan, findings, mode, drift)
    if mode is Mode.WRITE and not refusals(findings) and (plan.changes or _is_to_be_claimed(seen, order)):
        return _change(context, subject, driver, outcome, order)
    if spec.enforcement is Enforcement.OFF or not seen.effective:
        return outcome
    digest = order.owner.desired if order.owner else ""
    proof = proof_of(context, subject.instance, subject.memory, driver, seen, digest, asked=subject.asked)
    return Outcome(subject.instance, policy, seen, plan, findings, mode, drift, proof=proof)


def _without_remains(context: Context, subject: Subject, driver: MiniOrange, seen: Observation, policy: TwoFactorPolicy) -> Observation:
    """Ends a trial that a killed process of ours has left (its id tells) instead of waiting for its timer: we alone write."""
    pending = seen.trial.pending
    if pending is None or not pending.startswith(subject.instance.meta.uid) or not context.leading():
        return seen
    driver.cancel(pending)
    return driver.observe(groups=policy.spec.enforced_groups or frozenset())


def _expected_code(desired: Desired, mode: GateMode) -> str:
    """The SHA-256 of the gate's file: ours is one constant text, a provided one carries its configuration."""
    if mode is GateMode.PROVIDED and desired.gate is not None:
        return gate_code(gate_configuration(desired.gate))
    return gate_code()


def _owner(context: Context, subject: Subject, policy: TwoFactorPolicy, digest: str) -> Owner:
    return Owner(context.cluster(), subject.instance.meta.uid, policy.meta.uid, policy.meta.generation, digest)


def _is_to_be_claimed(seen: Observation, order: Order) -> bool:
    """Whether a Jenkins that is as wanted lacks our mark, or has one that would mislead about drift or about what to do at the end."""
    mark, wanted = seen.owner, order.owner
    if mark is None or wanted is None:
        return True
    return not mark.same_manager(wanted) or mark.desired != wanted.desired or seen.deletion != order.deletion


def _change(context: Context, subject: Subject, driver: MiniOrange, before: Outcome, order: Order) -> Outcome:
    """The trial, from its beginning to the confirmation; one that was undone is told with what was seen before it."""
    policy, plan = before.policy, before.plan
    if policy is None or plan is None:
        raise ValueError("a change needs a policy and a plan")
    _insist_on_live(context, policy)
    try:
        result = carry_out(lambda: MiniOrange(driver.connection), order, lambda _: _insist_on_leading(context))
    except JenkinsError as error:
        trouble = subject.trouble(error, context.clock())
        return Outcome(subject.instance, policy, before.observation, plan, before.findings, drift=before.drift, trouble=trouble)
    digest = order.owner.desired if order.owner else ""
    subject.memory.proof = RememberedProof(result.proof, result.observation.session, digest, context.clock())
    if plan.paths:
        reason = "DriftCorrected" if before.drift else "Applied"
        announce(context, subject, Announcement(reason, f"{', '.join(plan.paths)} (policy {policy.meta.key})", action="Apply"))
    situation = Situation(
        policy.spec,
        subject.instance.spec,
        result.observation,
        result.plan,
        order.owner,
        order.take_over,
        second_factor_login=driver.second_factor_login,
    )
    return Outcome(
        subject.instance,
        policy,
        result.observation,
        result.plan,
        check(situation),
        corrected=plan.paths if before.drift else (),
        proof=result.proof,
    )


def _insist_on_live(context: Context, policy: TwoFactorPolicy) -> None:
    """Nothing is changed for a policy that is not there any more, or not like that. Raises Outdated."""
    body = context.live(Kind.POLICY, policy.meta.key)
    meta = (body or {}).get("metadata") or {}
    if (meta.get("uid"), meta.get("generation")) != (policy.meta.uid, policy.meta.generation):
        raise Outdated


def _insist_on_leading(context: Context) -> None:
    """Without the Lease no further step is taken: a trial that is not confirmed ends by itself. Raises Outdated."""
    if not context.leading():
        raise Outdated
