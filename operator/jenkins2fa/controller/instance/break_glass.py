"""Break-glass on behalf of a policy: opened and closed at once, ended by Jenkins itself whatever becomes of us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.status import announce
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.core.assess import Assessment
from jenkins2fa.core.break_glass import Decision, Glass, glass_to_be, spent
from jenkins2fa.core.guard.finding import Finding
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.kube.events import Announcement

# An emergency does not wait for a mail server; but nobody opens what is not his, or what he does not understand.
BARRIERS = frozenset({"OwnedElsewhere", "PluginMissing", "UnsupportedPluginVersion", "ObservationDamaged"})
WRITING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.BREAK_GLASS, Mode.WAITING)  # no emergency waits for a roll-out
SHORTER = timedelta(seconds=1)  # Jenkins keeps milliseconds


@dataclass(frozen=True, slots=True)
class Settled:
    """``changed``: whether it was opened or closed, so that Jenkins has to be looked at anew; ``refused``: why it is not opened."""

    changed: bool = False
    refused: Finding | None = None


def settle_break_glass(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, assessment: Assessment
) -> Settled:
    """Open or close what the policy wants open or closed."""
    wanted = glass_to_be(
        policy.spec, assessment.observation, context.now(), context.options.longest_break_glass, assessment.unapproved
    )
    barred = assessment.refused is not None and assessment.refused.reason in BARRIERS
    if barred or assessment.mode not in WRITING:
        return Settled()
    if wanted.refused is not None or wanted.glass is Glass.NOTHING or not context.leading():
        return Settled(refused=wanted.refused)
    if wanted.glass is Glass.CLOSE:
        driver.close_break_glass()
        announce(context, subject, Announcement("BreakGlassClosed", "two-factor authentication is on again", action="BreakGlass"))
        return Settled(changed=True)
    return _open(context, subject, policy, driver, wanted)


def close_break_glass(context: Context, subject: Subject, driver: Driver, seen: Observation) -> bool:
    """Without a policy nothing stays open that was opened for one; whether anything was done."""
    ours = seen.owner is not None and (seen.owner.cluster, seen.owner.instance) == (context.cluster(), subject.instance.meta.uid)
    if not ours or glass_to_be(None, seen, context.now()).glass is not Glass.CLOSE or not context.leading():
        return False
    driver.close_break_glass()
    note = "its policy is gone: two-factor authentication is on again"
    announce(context, subject, Announcement("BreakGlassClosed", note, action="BreakGlass"))
    return True


def _open(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: Driver, wanted: Decision) -> Settled:
    glass = policy.spec.break_glass
    if glass is None or wanted.until is None:
        return Settled()
    keep = subject.instance.spec.gate.mode is GateMode.MANAGED
    until = driver.open_break_glass(wanted.until, glass.reason, context.options.longest_break_glass, keep=keep)
    if until is None:
        return Settled(refused=spent(glass))
    context.metrics.weakened("breakGlass")
    note = f"two-factor authentication is off until {format_time(until)}: {glass.reason} (policy {policy.meta.key})"
    if until < glass.until - SHORTER:
        most = format_duration(context.options.longest_break_glass)
        note += f"; asked for was {format_time(glass.until)}, but the operator allows {most} within 24 hours"
    announce(context, subject, Announcement("BreakGlassOpened", note, action="BreakGlass", warning=True))
    return Settled(changed=True)
