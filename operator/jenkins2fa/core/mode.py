"""Whether a reconcile may write, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from jenkins2fa.api.instance import Access, InstanceSpec
from jenkins2fa.api.policy import DriftPolicy, PolicyMode, PolicySpec
from jenkins2fa.core.reasons import Reason


class Mode(Enum):
    """The value is a sentence for status and ``plan``."""

    WRITE = "changes are made"
    AUDIT = "mode is Audit: nothing is written"
    REPORT_ACCESS = "access is Observe: nothing is written"
    REPORT_DRIFT = "driftPolicy is Report: nothing is written until the policy changes"
    BREAK_GLASS = "break-glass is open: nothing is written until it is over"
    GRACE = "nothing is written before rollout.graceUntil, so that users can enrol first"
    WAITING = "the roll-out has not reached this instance yet: nothing is written"
    SUSPENDED = "the policy is suspended: nothing is written"

    @property
    def reason(self) -> str:
        """The reason in conditions and elsewhere. WRITE has none: the result of writing is reported instead."""
        own = {
            Mode.WRITE: "",
            Mode.SUSPENDED: Reason.SUSPENDED,
            Mode.BREAK_GLASS: Reason.BREAK_GLASS,
            Mode.WAITING: Reason.WAITING_FOR_ROLLOUT,
        }
        return own.get(self, Reason.REPORTED)

    @property
    def sentence(self) -> str:
        """Reason and sentence, for people."""
        return f"{self.reason}: {self.value}"


BEFORE_ENFORCING = (Mode.AUDIT, Mode.GRACE)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else decides the mode.

    ``drift``: no change of the policy explains the differences (according to the owner record, exactly this desired state was confirmed),
    so correcting them is neither a roll-out nor a first enforcement. ``break_glass``: one is open. ``protected``: 2FA is on in at least
    one layer. ``admitted``: the roll-out has reached this instance."""

    now: datetime
    drift: bool = False
    break_glass: bool = False
    protected: bool = False
    admitted: bool = True


def mode_of(policy: PolicySpec, instance: InstanceSpec, circumstances: Circumstances) -> Mode:
    """The first reason not to write, or WRITE."""
    if policy.suspend:
        return Mode.SUSPENDED
    if circumstances.break_glass:
        return Mode.BREAK_GLASS
    if policy.mode is PolicyMode.AUDIT:
        return Mode.AUDIT
    if instance.access is not Access.MANAGE:
        return Mode.REPORT_ACCESS
    if in_grace(policy, circumstances.now) and not circumstances.protected and not circumstances.drift:
        return Mode.GRACE
    if not circumstances.admitted and not circumstances.drift:
        return Mode.WAITING
    if circumstances.drift and policy.drift_policy is DriftPolicy.REPORT:
        return Mode.REPORT_DRIFT
    return Mode.WRITE


def in_grace(policy: PolicySpec, now: datetime) -> bool:
    """Whether the first enforcement still waits for ``rollout.graceUntil``."""
    until = policy.rollout.grace_until
    return policy.mode is PolicyMode.ENFORCE and until is not None and now < until


def counts_enrolment(policy: PolicySpec, mode: Mode) -> bool:
    """Whether enrolments have to be counted before a first enforcement. With Audit, only ``rollout.minimumEnrolled`` needs them."""
    if mode is Mode.AUDIT:
        return policy.rollout.minimum_enrolled is not None
    return policy.mode is PolicyMode.ENFORCE and mode in (Mode.WRITE, Mode.GRACE)
