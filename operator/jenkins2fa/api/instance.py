"""``JenkinsInstance``: one running Jenkins and how to reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from jenkins2fa.api.meta import Metadata

KIND = "JenkinsInstance"
PLURAL = "jenkinsinstances"


class Access(StrEnum):
    """How much the operator may do: everything, read only, or nothing but canary requests (no administration rights needed)."""

    MANAGE = "Manage"
    OBSERVE = "Observe"
    PROBE_ONLY = "ProbeOnly"


class GateMode(StrEnum):
    """Who installs the gate: nobody, the operator, or the site itself (the operator then only verifies it)."""

    NONE = "None"
    MANAGED = "Managed"
    PROVIDED = "Provided"


@dataclass(frozen=True, slots=True)
class GateSpec:
    """``chosen``: the object names the mode; else there is no gate, which is no choice where the operator may install one."""

    mode: GateMode = GateMode.NONE
    chosen: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class AuthorityRef:
    """Where the certificate authority of the Jenkins is kept: ``kind`` is ConfigMap or Secret."""

    kind: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Probes:
    """Names of Secrets of canary accounts: one that must be challenged, one that must not."""

    challenged: str | None = None
    exempt: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """``url`` ends with a slash; ``credentials`` names a Secret of the same namespace."""

    url: str
    credentials: str | None
    authority: AuthorityRef | None = None
    access: Access = Access.MANAGE
    gate: GateSpec = GateSpec()
    probes: Probes = Probes()
    check_interval: timedelta = timedelta(seconds=30)
    acknowledge_competing_manager: bool = False


@dataclass(frozen=True, slots=True)
class JenkinsInstance:
    meta: Metadata
    spec: InstanceSpec
