"""``TwoFactorBreakGlass``: two-factor authentication off for a short, named time at the instances it selects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jenkins2fa.api.meta import LabelSelector, Metadata

KIND = "TwoFactorBreakGlass"
PLURAL = "twofactorbreakglasses"


@dataclass(frozen=True, slots=True)
class BreakGlassSpec:
    """The API server refuses every change of it."""

    instance_selector: LabelSelector
    expires_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class TwoFactorBreakGlass:
    meta: Metadata
    spec: BreakGlassSpec

    def selects(self, instance: Metadata) -> bool:
        """Whether an instance with this metadata is meant: one of the same namespace with matching labels."""
        return instance.namespace == self.meta.namespace and self.spec.instance_selector.matches(instance.labels)
