"""Break-glass on behalf of a policy: opened and closed at once, ended by Jenkins itself whatever becomes of us."""

from __future__ import annotations

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.events import Announcement
from jenkins2fa.controller.report import announce
from jenkins2fa.controller.subject import Subject
from jenkins2fa.core.assess import Assessment
from jenkins2fa.core.break_glass import Glass, glass_to_be
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.drivers.miniorange import MiniOrange

# An emergency does not wait for a mail server; but nobody opens what is not his, or what he does not understand.
BARRIERS = frozenset({"OwnedElsewhere", "PluginMissing", "UnsupportedPluginVersion", "ObservationDamaged", "ReadOnly"})
WRITING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.BREAK_GLASS, Mode.WAITING)  # no emergency waits for a roll-out


def settle_break_glass(
    context: Context, subject: Subject, policy: TwoFactorPolicy, driver: MiniOrange, seen: Observation, found: Assessment
) -> bool:
    """Open or close what the policy wants open or closed; whether anything was done."""
    wanted = glass_to_be(policy.spec, seen, context.now())
    barred = found.refused is not None and found.refused.reason in BARRIERS
    if wanted is Glass.NOTHING or barred or found.mode not in WRITING or not context.leading():
        return False
    if wanted is Glass.CLOSE:
        driver.close_break_glass()
        announce(context, subject, Announcement("BreakGlassClosed", "two-factor authentication is on again", action="BreakGlass"))
        return True
    return _open(context, subject, policy, driver)


def close_break_glass(context: Context, subject: Subject, driver: MiniOrange, seen: Observation) -> bool:
    """Without a policy nothing stays open that was opened for one; whether anything was done."""
    ours = seen.owner is not None and (seen.owner.cluster, seen.owner.instance) == (context.cluster(), subject.instance.meta.uid)
    if not ours or glass_to_be(None, seen, context.now()) is not Glass.CLOSE or not context.leading():
        return False
    driver.close_break_glass()
    note = "its policy is gone: two-factor authentication is on again"
    announce(context, subject, Announcement("BreakGlassClosed", note, action="BreakGlass"))
    return True


def _open(context: Context, subject: Subject, policy: TwoFactorPolicy, driver: MiniOrange) -> bool:
    glass = policy.spec.break_glass
    if glass is None:
        return False
    keep = subject.instance.spec.gate.mode is GateMode.MANAGED
    until = driver.open_break_glass(glass.until, glass.reason, context.options.longest_break_glass, keep=keep)
    if until is None:
        return False  # this reason was used before: it does not start anew
    note = f"two-factor authentication is off until {until:%Y-%m-%dT%H:%M:%SZ}: {glass.reason} (policy {policy.meta.key})"
    announce(context, subject, Announcement("BreakGlassOpened", note, action="BreakGlass", warning=True))
    return True
