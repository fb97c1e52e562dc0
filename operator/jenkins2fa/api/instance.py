"""``JenkinsInstance``: one Jenkins controller, and how to reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from jenkins2fa.api.meta import Metadata

KIND = "JenkinsInstance"
PLURAL = "jenkinsinstances"


class Access(StrEnum):
    """What the operator may do: everything, only read, or only probe with canaries (which needs no administrator)."""

    MANAGE = "Manage"
    OBSERVE = "Observe"
    PROBE_ONLY = "ProbeOnly"


class Provider(StrEnum):
    """The plugin whose settings are managed; left out = the one that is installed."""

    MINI_ORANGE = "MiniOrange"
    OPEN_MFA = "OpenMFA"


class CompetingManager(StrEnum):
    """What to do if configuration-as-code sets the same fields: refuse to write, or write anyway."""

    REFUSE = "Refuse"
    OVERRIDE = "Override"


class AuthorityKind(StrEnum):
    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - the name of a resource


class Expectation(StrEnum):
    """What a canary must meet: a challenge, none, or a challenge that it passes with a code of its authenticator app."""

    CHALLENGED = "Challenged"
    EXEMPT = "Exempt"
    PASSES = "Passes"

    @property
    def is_challenged(self) -> bool:
        return self is not Expectation.EXEMPT


class GateMode(StrEnum):
    """Who installs the gate: nobody, the operator, or the site itself (the operator then only verifies it)."""

    NONE = "None"
    MANAGED = "Managed"
    PROVIDED = "Provided"


@dataclass(frozen=True, slots=True)
class GateSpec:
    """``chosen``: the object sets the mode. With access: Manage it has to, so that nobody gets a gate, or none, by accident."""

    mode: GateMode = GateMode.NONE
    chosen: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class AuthorityRef:
    """The ConfigMap or Secret with the certificate authority of the controller."""

    kind: AuthorityKind
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Canary:
    """An account used only for probes; ``secret`` names its Secret."""

    name: str
    expect: Expectation
    secret: str


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """``url`` ends with a slash; ``credentials`` names a Secret of the same namespace."""

    url: str
    credentials: str | None
    authority: AuthorityRef | None = None
    access: Access = Access.MANAGE
    gate: GateSpec = GateSpec()
    canaries: tuple[Canary, ...] = ()
    check_interval: timedelta = timedelta(seconds=30)
    competing_manager: CompetingManager = CompetingManager.REFUSE
    provider: Provider | None = None


@dataclass(frozen=True, slots=True)
class JenkinsInstance:
    meta: Metadata
    spec: InstanceSpec
