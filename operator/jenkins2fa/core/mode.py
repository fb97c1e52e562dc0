"""Whether a pass may write, and if not, why."""

from __future__ import annotations

from enum import Enum

from jenkins2fa.api.instance import Access, InstanceSpec
from jenkins2fa.api.policy import DriftMode, Enforcement, PolicySpec


class Mode(Enum):
    """The value says it in a sentence, for status and ``plan``."""

    WRITE = "changes are made"
    REPORT_POLICY = "enforcement is Report: nothing is written"
    REPORT_ACCESS = "access is Observe: nothing is written"
    REPORT_DRIFT = "drift.mode is Report: nothing is written until the policy changes"
    BREAK_GLASS = "break-glass is open: nothing is written until it is over"
    SUSPENDED = "the policy is suspended: nothing is written"


def mode_of(policy: PolicySpec, instance: InstanceSpec, *, drift: bool, break_glass: bool = False) -> Mode:
    """``drift``: the differences at hand come from Jenkins' side, not from a change of the policy. ``break_glass``: one is open."""
    if policy.suspend:
        return Mode.SUSPENDED
    if break_glass:
        return Mode.BREAK_GLASS
    if policy.enforcement is Enforcement.REPORT:
        return Mode.REPORT_POLICY
    if instance.access is not Access.MANAGE:
        return Mode.REPORT_ACCESS
    if drift and policy.drift_mode is DriftMode.REPORT:
        return Mode.REPORT_DRIFT
    return Mode.WRITE
