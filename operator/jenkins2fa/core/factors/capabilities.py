"""What the installed plugin supports, according to its driver: factors, rules, and the limits of its edition.

``core`` decides by this record, never by the plugin's name or edition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.settings import FACTOR_ROLES, Value

OTHER_WAY = "leave it out, or install an edition that has it"


class PropertyKind(StrEnum):
    """The type of a property. ``OTHER`` is neither read nor written."""

    SWITCH = "switch"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the plugin that only some editions have, found by reflection.

    ``role``: its known name, or its purpose if the name is not known. ``stored``: the settings file keeps it under its own name, so that
    the disk can be compared."""

    role: str
    name: str
    kind: PropertyKind
    writable: bool = True
    stored: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """An edition that is only written to if a switch allows it: the warning to show then, and how to allow it."""

    warning: str
    way_in: str


def _nothing() -> Mapping[str, Value]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an installed plugin supports. ``name``: its edition, for messages.

    ``tested_versions``: those that may be written to.
    ``base_factors``: the factors of every edition. ``properties``: what was found beyond them.
    ``held``: the values of those in memory, by role. ``writes_properties``: they may be written.
    ``gate_knows_pages``: the gate lets users reach the pages of this edition.
    ``has_live_flag``: the filter reads a flag of its own, apart from the settings.
    ``exempts_by_itself``: the plugin has its own rules for groups and API tokens, so an unchallenged request proves nothing.
    ``tokens_pass``: the plugin never challenges API tokens.
    ``counts_all_factors``: the enrolment counts are complete.
    ``code_key``: the key of its settings in configuration-as-code.
    ``other_way``: what to do about a field that it does not support."""

    plugin: str = ""
    name: str = "unknown edition"
    tested_versions: tuple[str, ...] = ()
    base_factors: frozenset[Factor] = frozenset()
    properties: tuple[Property, ...] = ()
    held: Mapping[str, Value] = field(default_factory=_nothing)
    gate_knows_pages: bool = True
    has_live_flag: bool = True
    writes_properties: bool = False
    exempts_by_itself: bool = False
    tokens_pass: bool = False
    counts_all_factors: bool = True
    code_key: str = ""
    other_way: str = OTHER_WAY
    experiment: Experiment | None = None

    @property
    def factors(self) -> frozenset[Factor]:
        """The factors that can be switched on and off."""
        return self.base_factors | {factor for factor, role in FACTOR_ROLES.items() if self.has(role, PropertyKind.SWITCH)}

    def find(self, role: str) -> Property | None:
        return next((one for one in self.properties if one.role == role), None)

    def has(self, role: str, *kinds: PropertyKind) -> bool:
        """Whether there is a writable property for the role, of one of the kinds."""
        matching = self.find(role)
        return matching is not None and matching.writable and matching.kind in kinds

    def lacks(self, *roles: str) -> str:
        """Why the plugin does not support any of the roles, and the way out."""
        odd = [one for role in roles if (one := self.find(role)) is not None and (one.kind is PropertyKind.OTHER or not one.writable)]
        if odd:
            how = "cannot be written" if odd[0].kind is not PropertyKind.OTHER else "is of a type that this operator does not know"
            return f"the installed plugin ({self.name}) has {odd[0].name}, but it {how}: set it in Jenkins, and leave it out here"
        return f"the installed plugin ({self.name}) does not have it: {self.other_way}"


UNKNOWN = Capabilities()
