"""What the guard looks at, and what it finds."""

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
    """``reason`` is the CamelCase word for conditions; ``message`` says what is wrong and the way out; ``path`` the policy's field,
    if one."""

    reason: Reason
    message: str
    severity: Severity = Severity.REFUSAL
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the checks look at.

    ``flapping``: fields that were corrected too often of late; ``approval`` None = none is needed, else the digest that
    the annotation approve-weakening has to name. ``second_factor_login``: the operator's account can answer security questions by
    itself; ``experimental``: editions that could not be tested may be written to."""

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
        """Whether this desired state was brought about here before, by the owner record: what is off now was switched off, and
        surprises nobody again.

        The same edit of the policy counts too: another version of the gate gives another digest."""
        held, mine = self.observation.owner, self.owner
        if held is not None and mine is not None and mine.policy and replace(held, desired="") == replace(mine, desired=""):
            return True
        return was_confirmed(self.observation, self.plan)


def could_not_read(s: Situation, *parts: str) -> bool:
    """Whether Jenkins could not tell one of these parts of an observation."""
    return any(part in s.observation.damaged for part in parts)
