"""Break-glass at one Jenkins: opened and closed at once, ended by Jenkins itself whatever becomes of the operator."""

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

# An emergency does not wait for a mail server; but nothing is opened that another installation manages, or that is not understood.
BARRIERS = frozenset({Reason.OWNED_ELSEWHERE, Reason.PLUGIN_MISSING, Reason.UNSUPPORTED_PLUGIN_VERSION, Reason.OBSERVATION_DAMAGED})
WRITING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.BREAK_GLASS, Mode.WAITING)  # no emergency waits for a roll-out
SHORTER = timedelta(seconds=1)  # Jenkins keeps milliseconds


@dataclass(frozen=True, slots=True)
class Settled:
    """``changed``: it was opened or closed, so Jenkins has to be observed again; ``decision`` None = nothing may be written there."""

    changed: bool = False
    decision: Decision | None = None


def settle_break_glass(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, assessment: Assessment) -> Settled:
    """Open or close what the break-glasses of the instance's namespace ask for."""
    barred = assessment.refused is not None and assessment.refused.reason in BARRIERS
    if barred or assessment.mode not in WRITING:
        return Settled()
    options = context.options
    asked = context.break_glasses(subject.instance)
    decision = decide(asked, assessment.observation, context.now(), options.longest_break_glass, require_approval=options.require_approval)
    if decision.action is Action.NOTHING or not context.leading():
        return Settled(decision=decision)
    if decision.action is Action.CLOSE:
        driver.close_break_glass()
        announce(context, subject, Announcement("BreakGlassClosed", "two-factor authentication is on again", action="BreakGlass"))
        return Settled(changed=True, decision=decision)
    if decision.break_glass is None or not context.is_live(Kind.BREAK_GLASS, decision.break_glass.meta):
        return Settled(decision=replace(decision, action=Action.NOTHING))  # it has just been deleted, which asks for another reconcile
    return _open(context, subject, policy, driver, decision, decision.break_glass)


def close_break_glass(context: Context, subject: Subject, driver: Driver, seen: Observation) -> bool:
    """Without a policy nothing stays open that was opened under one; whether anything was done."""
    ours = seen.owner is not None and (seen.owner.cluster, seen.owner.instance) == (context.cluster(), subject.instance.meta.uid)
    if not ours or decide((), seen, context.now()).action is not Action.CLOSE or not context.leading():
        return False
    driver.close_break_glass()
    note = "no policy governs this instance any more: two-factor authentication is on again"
    announce(context, subject, Announcement("BreakGlassClosed", note, action="BreakGlass"))
    return True


def _open(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, decision: Decision, asked: TwoFactorBreakGlass
) -> Settled:
    if decision.until is None:
        return Settled(decision=decision)
    keep, longest = subject.instance.spec.gate.mode is GateMode.MANAGED, context.options.longest_break_glass
    until = driver.open_break_glass(decision.until, asked.spec.reason, longest, keep=keep)
    if until is None:
        refusal = Refusal(asked, reason_was_used(asked))
        return Settled(decision=Decision(Action.NOTHING, refused=(*decision.refused, refusal)))
    context.metrics.weakened("breakGlass")
    note = (
        f"two-factor authentication is off until {format_time(until)}: {asked.spec.reason} (break-glass {asked.meta.key}, policy "
        f"{policy.meta.key})"
    )
    if until < asked.spec.expires_at - SHORTER:
        most = format_duration(longest)
        note += f"; asked for was {format_time(asked.spec.expires_at)}, but the operator allows {most} within 24 hours"
    announce(context, subject, Announcement("BreakGlassOpened", note, action="BreakGlass", warning=True))
    return Settled(changed=True, decision=decision)
