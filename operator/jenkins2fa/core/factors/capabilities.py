"""What the installed plugin can have: factors and rules, by its edition and by the properties that were found in it.

The one place that says so. The premium edition was never seen; only names of its properties are known (jenkins-contract, premium edition),
so each is used only where it was found, writable and of the kind that its use needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.observation import Edition, Observation, Property, PropertyKind
from jenkins2fa.core.settings import FACTOR_ROLES, Value

FREE_FACTORS = frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS})
OTHER_WAY = "leave it out, or install an edition that has it"


def _nothing() -> Mapping[str, Value]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``name`` of the installed plugin in messages; ``properties`` that were found; ``held``: what memory holds of them, by role."""

    name: str = "free edition"
    premium: bool = False
    properties: tuple[Property, ...] = ()
    held: Mapping[str, Value] = field(default_factory=_nothing)

    @property
    def factors(self) -> frozenset[Factor]:
        """The factors that can be switched on and off."""
        return FREE_FACTORS | {factor for factor, role in FACTOR_ROLES.items() if self.has(role, PropertyKind.SWITCH)}

    def find(self, role: str) -> Property | None:
        return next((one for one in self.properties if one.role == role), None)

    def has(self, role: str, *kinds: PropertyKind) -> bool:
        """Whether there is a property for it that can be written and is of one of the kinds."""
        found = self.find(role)
        return found is not None and found.writable and found.kind in kinds

    def lacks(self, *roles: str) -> str:
        """Why it cannot be had, and the way out."""
        odd = [one for role in roles if (one := self.find(role)) is not None and (one.kind is PropertyKind.OTHER or not one.writable)]
        if odd:
            how = "cannot be written" if odd[0].kind is not PropertyKind.OTHER else "is of a type that this operator does not know"
            return f"the installed plugin ({self.name}) has {odd[0].name}, but it {how}: set it in Jenkins, and leave it out here"
        return f"the installed plugin ({self.name}) does not have it: {OTHER_WAY}"


FREE = Capabilities()


def capabilities_of(seen: Observation) -> Capabilities:
    """From what one look has found."""
    plugin = seen.plugin
    premium = plugin.edition is Edition.PREMIUM
    known = "free edition" if plugin.known or plugin.version is None else f"version {plugin.version}"
    held = seen.memory.premium if seen.memory else _nothing()
    return Capabilities("premium edition" if premium else known, premium, plugin.properties, held)
