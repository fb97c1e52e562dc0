"""Break-glass at one controller. The operator opens and closes it at once; Jenkins ends it on time even without the operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.status import announce
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.assess import Assessment
from jenkins2fa.core.break_glass import Action, Decision, Refusal, decide, reason_was_used
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.kube.events import Announcement

# An emergency does not wait for a mail server. But nothing is opened that another owner manages, or that the operator does not know.
BARRIERS = frozenset({Reason.OWNED_ELSEWHERE, Reason.PLUGIN_MISSING, Reason.UNSUPPORTED_PLUGIN_VERSION, Reason.OBSERVATION_DAMAGED})
WRITING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.BREAK_GLASS, Mode.WAITING)  # an emergency does not wait for a rollout
SHORTER = timedelta(seconds=1)  # Jenkins keeps milliseconds


@dataclass(frozen=True, slots=True)
class Settled:
    """``changed``: it was opened or closed, so the controller must be observed again; ``decision``: None = nothing may be written."""

    changed: bool = False
    decision: Decision | None = None


def settle_break_glass(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, assessment: Assessment) -> Settled:
    """Open or close, as the break-glasses that select the instance ask."""
    barred = assessment.refused is not None and assessment.refused.reason in BARRIERS
    if barred or assessment.mode not in WRITING:
        return Settled()
    options = context.options
    requested = context.break_glasses(subject.instance)
    longest, approval = options.longest_break_glass, options.require_approval
    decision = decide(requested, assessment.observation, context.now(), longest, require_approval=approval)
    if decision.action is Action.NOTHING or not context.leading():
        return Settled(decision=decision)
    if decision.action is Action.CLOSE:
        driver.close_break_glass()
        announce(context, subject, Announcement("BreakGlassClosed", "two-factor authentication is on again", action="BreakGlass"))
        return Settled(changed=True, decision=decision)
    if decision.break_glass is None or not context.is_live(Kind.BREAK_GLASS, decision.break_glass.meta):
        return Settled(decision=replace(decision, action=Action.NOTHING))  # it was just deleted, which causes another reconcile
    return _open(context, subject, policy, driver, decision, decision.break_glass)


def close_break_glass(context: Context, subject: Subject, driver: Driver, observation: Observation) -> bool:
    """Close a break-glass that was opened under a policy which is gone. Returns whether one was closed."""
    owner = observation.owner
    ours = owner is not None and (owner.cluster, owner.instance) == (context.cluster(), subject.instance.meta.uid)
    if not ours or decide((), observation, context.now()).action is not Action.CLOSE or not context.leading():
        return False
    driver.close_break_glass()
    note = "no policy governs this instance any more: two-factor authentication is on again"
    announce(context, subject, Announcement("BreakGlassClosed", note, action="BreakGlass"))
    return True


def _open(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, decision: Decision, break_glass: TwoFactorBreakGlass
) -> Settled:
    if decision.until is None:
        return Settled(decision=decision)
    keep, longest = subject.instance.spec.gate.mode is GateMode.MANAGED, context.options.longest_break_glass
    until = driver.open_break_glass(decision.until, break_glass.spec.reason, longest, keep=keep)
    if until is None:
        refusal = Refusal(break_glass, reason_was_used(break_glass))
        return Settled(decision=Decision(Action.NOTHING, refused=(*decision.refused, refusal)))
    context.metrics.weakened("breakGlass")
    note = (
        f"two-factor authentication is off until {format_time(until)}: {break_glass.spec.reason} "
        f"(break-glass {break_glass.meta.key}, policy {policy.meta.key})"
    )
    if until < break_glass.spec.expires_at - SHORTER:
        most = format_duration(longest)
        note += f"; it asked for {format_time(break_glass.spec.expires_at)}, but the operator allows {most} within 24 hours"
    announce(context, subject, Announcement("BreakGlassOpened", note, action="BreakGlass", warning=True))
    return Settled(changed=True, decision=decision)
