"""Whether a reconcile may write, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from jenkins2fa.api.instance import Access, InstanceSpec
from jenkins2fa.api.policy import DriftMode, Enforcement, PolicySpec, Stage
from jenkins2fa.core.reasons import Reason

SUSPENDED = Reason.SUSPENDED
BREAK_GLASS = Reason.BREAK_GLASS
REPORTED = Reason.REPORTED
WAITING = Reason.WAITING_FOR_ROLLOUT


class Mode(Enum):
    """The value says it in a sentence, for status and ``plan``."""

    WRITE = "changes are made"
    REPORT_POLICY = "enforcement is Report: nothing is written"
    REPORT_ACCESS = "access is Observe: nothing is written"
    REPORT_DRIFT = "drift.mode is Report: nothing is written until the policy changes"
    BREAK_GLASS = "break-glass is open: nothing is written until it is over"
    STAGE_REPORT = "rollout.stage is Report: nothing is written"
    STAGE_GRACE = "rollout.stage is Grace: nothing is written until graceUntil, users may enrol meanwhile"
    WAITING = "the roll-out has not reached this instance yet: nothing is written"
    SUSPENDED = "the policy is suspended: nothing is written"

    @property
    def reason(self) -> str:
        """The one word for it, in conditions and wherever else it is said. WRITE has none: what comes of writing is said."""
        own = {Mode.WRITE: "", Mode.SUSPENDED: SUSPENDED, Mode.BREAK_GLASS: BREAK_GLASS, Mode.WAITING: WAITING}
        return own.get(self, REPORTED)

    @property
    def said(self) -> str:
        """The word and the sentence, for people."""
        return f"{self.reason}: {self.value}"


STAGES = (Mode.STAGE_REPORT, Mode.STAGE_GRACE)  # before the first enforcement


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a reconcile knows. ``drift``: the differences at hand come from Jenkins' side, not from a change of the policy (the
    owner record says that exactly this desired state was confirmed there), so correcting them is no roll-out and no first enforcement;
    ``break_glass``: one is open;
    ``protected``: 2FA is on already, in whatever layer; ``admitted``: the roll-out has reached this instance."""

    now: datetime
    drift: bool = False
    break_glass: bool = False
    protected: bool = False
    admitted: bool = True


def mode_of(policy: PolicySpec, instance: InstanceSpec, at_hand: Circumstances) -> Mode:
    """The first reason not to write, or WRITE."""
    if policy.suspend:
        return Mode.SUSPENDED
    if at_hand.break_glass:
        return Mode.BREAK_GLASS
    if policy.enforcement is Enforcement.REPORT:
        return Mode.REPORT_POLICY
    if instance.access is not Access.MANAGE:
        return Mode.REPORT_ACCESS
    stage = stage_of(policy, at_hand.now)
    if stage is not None and not at_hand.protected and not at_hand.drift:
        return stage
    if not at_hand.admitted and not at_hand.drift:
        return Mode.WAITING
    if at_hand.drift and policy.drift_mode is DriftMode.REPORT:
        return Mode.REPORT_DRIFT
    return Mode.WRITE


def stage_of(policy: PolicySpec, now: datetime) -> Mode | None:
    """What holds the first enforcement back everywhere: a stage before Enforce; None = nothing."""
    if policy.enforcement is not Enforcement.ENFORCE:
        return None
    rollout = policy.rollout
    if rollout.stage is Stage.REPORT:
        return Mode.STAGE_REPORT
    if rollout.stage is Stage.GRACE and rollout.grace_until is not None and now < rollout.grace_until:
        return Mode.STAGE_GRACE
    return None
