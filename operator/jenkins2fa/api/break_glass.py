"""``TwoFactorBreakGlass``: switches two-factor authentication off for a short time at the instances that it selects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jenkins2fa.api.meta import LabelSelector, Metadata

KIND = "TwoFactorBreakGlass"
PLURAL = "twofactorbreakglasses"


@dataclass(frozen=True, slots=True)
class BreakGlassSpec:
    """Immutable: the API server refuses every change."""

    instance_selector: LabelSelector
    expires_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class TwoFactorBreakGlass:
    meta: Metadata
    spec: BreakGlassSpec

    def selects(self, instance: Metadata) -> bool:
        """Whether it selects the instance with this metadata: same namespace, and matching labels."""
        return instance.namespace == self.meta.namespace and self.spec.instance_selector.matches(instance.labels)
