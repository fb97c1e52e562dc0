"""The faults between Kubernetes, operator, Jenkins and people, each as a function.

It strikes, and returns a function that heals it. ``share`` (0 to 1, from the plan) chooses a variant of the fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.support.soak.world import World

Heal = Callable[[], None]
Strike = Callable[[World, float], Heal]


class Area(StrEnum):
    """The area of a fault; two of one area are never drawn together, because healing one would heal the other."""

    OPERATOR = "operator"
    REPLICA = "second operator"
    API = "API server"
    LEASE = "Lease"
    WIRE = "network to Jenkins"
    JENKINS = "Jenkins"
    SETTINGS = "settings in Jenkins"
    GATE = "gate in Jenkins"
    DISK = "disk of Jenkins"
    SECRET = "Secret"
    POLICY = "policy"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Fault:
    """``seconds``: shortest and longest time from strike to heal. ``ends_operator``: its process, and what it remembers, is lost."""

    name: str
    area: Area
    strike: Strike
    seconds: tuple[float, float]
    ends_operator: bool = False
    opens_gate: bool = False
    edits_disk: bool = False
    suspends: bool = False
    needs_jenkins: bool = False

    @property
    def needs_kube(self) -> bool:
        """Whether people cause it by writing into Kubernetes."""
        return self.area in (Area.LEASE, Area.SECRET, Area.POLICY, Area.INSTANCE, Area.REPLICA)


FAULTS: dict[str, Fault] = {}


def fault(
    area: Area, seconds: tuple[float, float] = (2, 9), *, ends_operator: bool = False, opens_gate: bool = False, edits_disk: bool = False,
    suspends: bool = False, needs_jenkins: bool = False,
) -> Callable[[Strike], Strike]:  # fmt: skip
    """Registers a function by its name. ``opens_gate``: somebody removes the gate, and with it the operator's way in;
    ``edits_disk``: somebody else writes the plugin's file; ``suspends``: the policy is suspended; ``needs_jenkins``: it can
    strike only while Jenkins is up."""

    def register(strike: Strike) -> Strike:
        name = strike.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, area, strike, seconds, ends_operator, opens_gate, edits_disk, suspends, needs_jenkins)
        return strike

    return register


def nothing() -> None:
    """For faults that end by themselves, or that the operator repairs."""
