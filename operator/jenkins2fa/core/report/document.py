"""The report for auditors as data and as JSON: what is known about each instance, by what proof, and what is not known.

``schemas/report.json`` describes the JSON. Within version 1, fields are only added.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.policy import Factor, TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, TRUE, UNKNOWN, Condition
from jenkins2fa.core.factors.strength import STANDARD, STRENGTHS, describe, in_order
from jenkins2fa.core.observation import Enrolment, Observation
from jenkins2fa.core.settings import HELD_FACTORS
from jenkins2fa.core.summary import Summary, summarize

FORMAT = "jenkins2fa.dev/report/v1"


class Basis(StrEnum):
    """Who made the observation that the report relies on."""

    PROBE = "Probe"  # this report itself observed and probed
    STATUS = "Status"  # the operator recorded it in the instance's status
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True)
class ReportedProof:
    """Whether a second factor is enforced. ``at``: when it was probed (Probe), or since when it is recorded (Status); None = never."""

    enforced: Condition
    basis: Basis
    at: datetime | None = None
    drifted: Condition | None = None
    ready: Condition | None = None

    @property
    def summary(self) -> Summary:
        return summarize(self.ready, self.enforced, self.drifted)


@dataclass(frozen=True, slots=True)
class Layers:
    """Whether 2FA is on in each layer; None = the layer does not exist or is unknown. ``gate``: absent, in place or out of place."""

    disk: bool | None
    memory: bool | None
    live: bool | None
    gate: str


@dataclass(frozen=True, slots=True)
class Software:
    """Versions as Jenkins reports them; empty = unknown."""

    jenkins: str = ""
    plugin: str = ""
    edition: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who is challenged, and when not. ``by``: "Jenkins" = read there; "Policy" = required by the policy, not verified in Jenkins.

    ``enforced_groups`` None = everyone."""

    by: str
    factors: frozenset[Factor] = frozenset()
    enforced_groups: frozenset[str] | None = None
    exempt_groups: frozenset[str] = frozenset()
    api_tokens: str = ""
    builds: str = ""


def observed_rules(observation: Observation) -> Rules:
    """The rules in force in Jenkins: factors in memory, and the gate's rules."""
    gate = observation.gate.settings if observation.gate.installed else None
    return Rules(
        "Jenkins",
        observation.memory.factors if observation.memory else frozenset(),
        gate.enforced_groups if gate else None,
        gate.exempt_groups if gate else frozenset(),
        (gate.api_tokens.value if gate and gate.api_tokens else "the plugin's own rule"),
        f"a second factor not older than {format_duration(gate.build_window)}" if gate and gate.build_window else "not asked",
    )


def policy_rules(policy: TwoFactorPolicy | None) -> Rules | None:
    """The rules that the policy requires, not verified in Jenkins."""
    if policy is None:
        return None
    spec = policy.spec
    window = f"a second factor not older than {format_duration(spec.build_window)}" if spec.build_window else "not asked"
    tokens = spec.api_tokens.value if spec.api_tokens else "the plugin's own rule"
    return Rules("Policy", spec.allowed_factors, spec.enforced_groups, spec.exempt_groups, tokens, window)


@dataclass(frozen=True, slots=True)
class PastEvent:
    """A correction of drift, or an Event. ``count``: how often it occurred."""

    at: datetime
    reason: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be observed, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """``names``: ids of users without a second factor; None = not requested. ``differences``: where Jenkins differs from the policy."""

    namespace: str
    name: str
    url: str
    policy: str | None
    proof: ReportedProof
    software: Software = Software()
    layers: Layers | None = None
    rules: Rules | None = None
    enrolment: Enrolment | None = None
    names: tuple[str, ...] | None = None
    differences: tuple[str, ...] = ()
    history: tuple[PastEvent, ...] = ()
    risks: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace and self.name else self.name or self.url

    @property
    def verdict(self) -> str:
        """For people, in a few words."""
        if self.recorded:
            return "recorded as proven"
        return {TRUE: "proven", FALSE: "not enforced"}.get(self.proof.enforced.status, "not proven")

    @property
    def recorded(self) -> bool:
        """The operator recorded the proof in its status; this report did not check it."""
        return self.proof.enforced.status == TRUE and self.proof.basis is Basis.STATUS


@dataclass(frozen=True, slots=True)
class BreakGlassReport:
    """One TwoFactorBreakGlass. ``state``: in one word, as ``kubectl get`` shows it. ``opened_at`` None = it was never open.

    ``instances``: those that it selects now. ``opened``: the largest number of instances on which it was open at the same time. Who
    created it is not part of the report: the API server's audit log has that."""

    namespace: str
    name: str
    reason: str
    state: str
    is_open: bool
    expires_at: datetime
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    instances: tuple[str, ...] = ()
    opened: int = 0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def until(self) -> datetime:
        """When it ended, or will end at the latest."""
        return self.closed_at or self.expires_at


@dataclass(frozen=True, slots=True)
class Report:
    """``source``: where it comes from, in words. ``notes``: on the report as a whole. ``asked``: whether controllers were contacted.

    ``break_glasses`` None = unknown: there is no cluster, or this user may not list them."""

    made: datetime
    version: str
    source: str
    instances: tuple[InstanceReport, ...]
    notes: tuple[str, ...] = ()
    asked: bool = True
    break_glasses: tuple[BreakGlassReport, ...] | None = None

    def count(self, status: str) -> int:
        """How many have this status, without those that are only recorded as proven."""
        return sum(instance.proof.enforced.status == status and not instance.recorded for instance in self.instances)

    @property
    def recorded(self) -> int:
        return sum(instance.recorded for instance in self.instances)

    @property
    def all_proven(self) -> bool:
        """A recorded proof is enough only if the report was meant not to contact controllers."""
        return bool(self.instances) and all(
            instance.proof.summary.proven and not (instance.recorded and self.asked) for instance in self.instances
        )

    @property
    def as_desired(self) -> bool:
        """All are proven and as their policies say."""
        return self.all_proven and all(instance.proof.summary.as_desired for instance in self.instances)

    @property
    def drifted(self) -> int:
        return sum(instance.proof.drifted is not None and instance.proof.drifted.status == TRUE for instance in self.instances)

    @property
    def summary(self) -> str:
        more = f", {self.recorded} recorded as proven by the operator" if self.recorded else ""
        return f"{self.count(TRUE)} of {len(self.instances)} proven{more}"


def report_json(report: Report) -> str:
    """The report as JSON. The same report gives the same bytes; they end with a newline."""
    return json.dumps(_document(report), indent=2, ensure_ascii=False) + "\n"


def report_digest(report: Report) -> str:
    """SHA-256 of :func:`report_json` in UTF-8, as ``sha256sum report.json`` prints it."""
    return hashlib.sha256(report_json(report).encode()).hexdigest()


def _document(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made": format_time(report.made),
        "operatorVersion": report.version,
        "source": report.source,
        "summary": {
            "instances": len(report.instances),
            "proven": report.count(TRUE),
            "recordedAsProven": report.recorded,
            "notEnforced": report.count(FALSE),
            "notProven": report.count(UNKNOWN),
            "drifted": report.drifted,
        },
        "standard": STANDARD,
        "notes": list(report.notes),
        "instances": [_instance(instance) for instance in report.instances],
        "breakGlasses": None if report.break_glasses is None else [_break_glass(break_glass) for break_glass in report.break_glasses],
    }


def _instance(instance: InstanceReport) -> dict[str, Any]:
    return {
        "namespace": instance.namespace,
        "name": instance.name,
        "url": instance.url,
        "policy": instance.policy,
        "state": instance.proof.summary.reason,
        "proof": {
            "enforced": _condition(instance.proof.enforced),
            "drifted": instance.proof.drifted and _condition(instance.proof.drifted),
            "basis": instance.proof.basis.value,
            "at": _time(instance.proof.at),
        },
        "jenkins": {"version": instance.software.jenkins, "pluginVersion": instance.software.plugin, "edition": instance.software.edition},
        "layers": instance.layers and {name: getattr(instance.layers, name) for name in ("disk", "memory", "live", "gate")},
        "rules": instance.rules and _rules(instance.rules),
        "enrolment": instance.enrolment and _enrolment(instance.enrolment),
        **({} if instance.names is None else {"notEnrolledNames": list(instance.names)}),
        "differences": list(instance.differences),
        "history": [
            {"at": _time(event.at), "reason": event.reason, "message": event.message, "count": event.count} for event in instance.history
        ],
        "residualRisks": list(instance.risks),
        "notChecked": [{"what": gap.what, "why": gap.why} for gap in instance.gaps],
    }


def _break_glass(break_glass: BreakGlassReport) -> dict[str, Any]:
    return {
        "namespace": break_glass.namespace,
        "name": break_glass.name,
        "reason": break_glass.reason,
        "state": break_glass.state,
        "open": break_glass.is_open,
        "openedAt": _time(break_glass.opened_at),
        "closedAt": _time(break_glass.closed_at),
        "expiresAt": _time(break_glass.expires_at),
        "instances": list(break_glass.instances),
        "mostOpen": break_glass.opened,
    }


def _rules(rules: Rules) -> dict[str, Any]:
    return {
        "by": rules.by,
        "factors": [
            {
                "name": factor.value,
                "reaches": STRENGTHS[factor].reach.value,
                "condition": STRENGTHS[factor].condition,
                "phishingResistant": STRENGTHS[factor].phishing_resistant,
                "section": STRENGTHS[factor].section,
            }
            for factor in in_order(rules.factors)
        ],
        "strength": describe(rules.factors),
        "enforcedGroups": None if rules.enforced_groups is None else sorted(rules.enforced_groups),
        "exemptGroups": sorted(rules.exempt_groups),
        "apiTokens": rules.api_tokens,
        "builds": rules.builds,
    }


def _enrolment(users: Enrolment) -> dict[str, int]:
    return {
        "users": users.total,
        "enrolled": users.total - users.not_enrolled,
        "notEnrolled": users.not_enrolled,
        "exempt": users.exempt,
        "unknownToRealm": users.unknown,
        **{HELD_FACTORS[factor]: count for factor, count in users.by_factor.items()},
        "withoutAddress": users.without_address,
        "administrators": users.administrators,
        "administratorsNotEnrolled": users.administrators_not_enrolled,
    }


def _condition(condition: Condition) -> dict[str, str]:
    return {"status": condition.status, "reason": condition.reason, "message": condition.message}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def unknown_proof(reason: str, message: str) -> ReportedProof:
    """The proof of an instance that could not be observed."""
    enforced, drifted, ready = (Condition(kind, UNKNOWN, reason, message) for kind in (ENFORCED, DRIFTED, READY))
    return ReportedProof(enforced, Basis.NOTHING, drifted=drifted, ready=ready)
