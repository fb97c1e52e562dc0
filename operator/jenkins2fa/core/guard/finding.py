"""The input of the guard's checks, and their findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from jenkins2fa.api.instance import InstanceSpec
from jenkins2fa.api.policy import PolicySpec
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import Plan, was_confirmed
from jenkins2fa.core.reasons import Reason


class Severity(StrEnum):
    REFUSAL = "Refusal"
    HAZARD = "Hazard"


@dataclass(frozen=True, slots=True)
class Finding:
    """``message``: what is wrong, and the way out. ``path``: the field of the policy, if it is about one."""

    reason: Reason
    message: str
    severity: Severity = Severity.REFUSAL
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The input of all checks.

    ``owner``: the owner record that a change would write. ``take_over``: the name of an owner that may be replaced. ``flapping``: fields
    that were corrected too often within an hour. ``approval``: the digest that the annotation approve-weakening has to name; None = no
    approval is needed. ``second_factor_login``: the operator's account can answer security questions. ``experimental``: untested editions
    may be written to."""

    policy: PolicySpec
    instance: InstanceSpec
    observation: Observation
    plan: Plan
    owner: Owner | None = None
    take_over: str | None = None
    flapping: tuple[str, ...] = ()
    approval: str | None = None
    second_factor_login: bool = False
    experimental: bool = False

    @property
    def confirmed_before(self) -> bool:
        """Whether this desired state was confirmed here before, according to the owner record. Switching it on again surprises nobody.

        The same generation of the policy counts too, since another version of the gate gives another digest."""
        current, ours = self.observation.owner, self.owner
        if current is not None and ours is not None and ours.policy and replace(current, desired="") == replace(ours, desired=""):
            return True
        return was_confirmed(self.observation, self.plan)


def could_not_read(s: Situation, *parts: str) -> bool:
    """Whether Jenkins could not read one of these parts of an observation."""
    return any(part in s.observation.damaged for part in parts)
