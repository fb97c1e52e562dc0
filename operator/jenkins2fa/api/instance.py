"""``JenkinsInstance``: one running Jenkins and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jenkins2fa.api.fields import Fields, InvalidObject
from jenkins2fa.api.meta import Metadata, collect_metadata

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


def parse_instance(body: Mapping[str, Any]) -> JenkinsInstance:
    """A ``JenkinsInstance`` object (from the API server or a file) as data. Raises :class:`InvalidObject` with every problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    meta, spec = collect_metadata(root), _read_spec(fields)
    from jenkins2fa.api.rules import instance_problems  # the rules need the types of this module

    root.problems.extend(instance_problems(spec, root.problems))
    if root.problems:
        raise InvalidObject(root.problems)
    return JenkinsInstance(meta, spec)


def _read_spec(fields: Fields) -> InstanceSpec:
    credentials = fields.nested("credentialsRef")
    return InstanceSpec(
        url=fields.required_text("url").rstrip("/") + "/",
        credentials=credentials.required_text("name") if credentials else None,
        authority=_read_authority(fields.nested("caRef")),
        access=fields.choice("access", Access, None) or Access.MANAGE,
        gate=_read_gate(fields.nested("gate")),
        probes=_read_probes(fields.nested("probes")),
        check_interval=_interval(fields.duration("checkInterval")),
        acknowledge_competing_manager=fields.boolean("acknowledgeCompetingManager", False),
    )


def _interval(given: timedelta | None) -> timedelta:
    return timedelta(seconds=30) if given is None else given


def _read_authority(fields: Fields | None) -> AuthorityRef | None:
    if fields is None:
        return None
    kind = fields.text("kind") or "ConfigMap"
    if kind not in ("ConfigMap", "Secret"):
        fields.fail("kind", f"must be ConfigMap or Secret, is {kind!r}")
    return AuthorityRef(kind, fields.required_text("name"), fields.text("key") or "ca.crt")


def _read_gate(fields: Fields | None) -> GateSpec:
    mode = fields.choice("mode", GateMode, None) if fields else None
    return GateSpec(mode or GateMode.NONE, chosen=mode is not None)


def _read_probes(fields: Fields | None) -> Probes:
    if fields is None:
        return Probes()
    return Probes(_read_secret(fields.nested("challenged")), _read_secret(fields.nested("exempt")))


def _read_secret(fields: Fields | None) -> str | None:
    reference = fields and fields.nested("secretRef", required=True)
    return reference.required_text("name") if reference else None
