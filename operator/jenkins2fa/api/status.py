"""The status of both kinds, as data and as the JSON that the CRDs describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import format_time, parse_time
from jenkins2fa.api.meta import Key

READY, RECONCILING, STALLED, ENFORCED, DRIFTED = "Ready", "Reconciling", "Stalled", "Enforced", "Drifted"
OPEN = "Open"  # of a break-glass
TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"

LONGEST_MESSAGE = 1024
LONGEST_REQUEST = 128
LONGEST_WORD, LONGEST_ID = 64, 128  # of what Jenkins says of itself; a longer one would make the API server refuse the whole status
MOST_FIELDS = 32
MOST_FAILING = 10
MOST_REFUSED = 10


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition without its time: that is the writer's, who knows what was there before."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class FieldStatus:
    path: str
    state: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class JenkinsStatus:
    version: str
    plugin_version: str
    edition: str
    session: str


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """``namespace`` empty = a ClusterTwoFactorPolicy."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class GateStatus:
    mode: str
    sha256: str
    state: str


@dataclass(frozen=True, slots=True)
class TrialStatus:
    id: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class BreakGlassRefusal:
    """A TwoFactorBreakGlass that is not opened at an instance."""

    name: str
    uid: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class InstanceBreakGlass:
    """``until`` None = none is open; ``name``: the TwoFactorBreakGlass for which it is."""

    until: datetime | None = None
    name: str | None = None
    refused: tuple[BreakGlassRefusal, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """All that one pass says about an instance."""

    observed_generation: int
    conditions: tuple[Condition, ...]
    jenkins: JenkinsStatus | None = None
    policy: PolicyReference | None = None
    fields: tuple[FieldStatus, ...] = ()
    gate: GateStatus | None = None
    trial: TrialStatus | None = None
    break_glass: InstanceBreakGlass | None = None
    policy_column: str = "<none>"


@dataclass(frozen=True, slots=True)
class BreakGlassCounts:
    selected: int = 0
    open: int = 0
    refused: int = 0
    opened: int = 0


@dataclass(frozen=True, slots=True)
class BreakGlassStatus:
    """What the instances of one break-glass add up to. ``opened_at`` and ``closed_at``: when it was seen to begin and to be over."""

    observed_generation: int
    conditions: tuple[Condition, ...]
    counts: BreakGlassCounts
    opened_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    namespace: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    selected: int = 0
    governed: int = 0
    overridden: int = 0
    enforced: int = 0
    drifted: int = 0
    failing: int = 0
    escaped: int | None = None


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """How far a generation of a policy has spread; ``state`` as in the CRD."""

    generation: int
    state: str
    admitted: int
    updated: int
    failed: int
    total: int
    batch_ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """What the instances of one policy add up to."""

    observed_generation: int
    conditions: tuple[Condition, ...]
    counts: Counts
    instances_column: str
    scope_column: str
    factors_column: str
    failing: tuple[Failing, ...] = ()
    rollout: RolloutStatus | None = None


def instance_status_document(status: InstanceStatus) -> dict[str, Any]:
    """As JSON for the API server, without the times of conditions. Absent parts are None (a merge patch removes them)."""
    return {
        "observedGeneration": status.observed_generation,
        "conditions": _conditions(status.conditions, status.observed_generation),
        "jenkins": status.jenkins
        and {
            "version": clip(status.jenkins.version, LONGEST_WORD),
            "pluginVersion": clip(status.jenkins.plugin_version, LONGEST_WORD),
            "edition": status.jenkins.edition,
            "session": clip(status.jenkins.session, LONGEST_WORD),
        },
        "policy": status.policy and _reference_document(status.policy),
        "fields": [{"path": f.path, "state": f.state, "message": clip(f.message)} for f in status.fields[:MOST_FIELDS]],
        "gate": status.gate and {"mode": status.gate.mode, "sha256": clip(status.gate.sha256, LONGEST_WORD), "state": status.gate.state},
        "trial": status.trial and {"id": clip(status.trial.id, LONGEST_ID), "expires": format_time(status.trial.expires)},
        "breakGlass": status.break_glass and _break_glass_document(status.break_glass),
        "summary": {"policy": status.policy_column},
    }


def policy_status_document(status: PolicyStatus) -> dict[str, Any]:
    """As JSON for the API server, without the times of conditions."""
    return {
        "observedGeneration": status.observed_generation,
        "conditions": _conditions(status.conditions, status.observed_generation),
        "instances": {name: count for name, count in asdict(status.counts).items() if count is not None},
        "summary": {"instances": status.instances_column, "scope": status.scope_column, "factors": status.factors_column},
        "failing": [{"namespace": f.namespace, "name": f.name, "reason": f.reason} for f in status.failing[:MOST_FAILING]],
        "rollout": status.rollout and _rollout_document(status.rollout),
    }


def break_glass_status_document(status: BreakGlassStatus) -> dict[str, Any]:
    """As JSON for the API server, without the times of conditions."""
    return {
        "observedGeneration": status.observed_generation,
        "conditions": _conditions(status.conditions, status.observed_generation),
        "openedAt": format_time(status.opened_at) if status.opened_at else None,
        "closedAt": format_time(status.closed_at) if status.closed_at else None,
        "instances": asdict(status.counts),
    }


def break_glass_of(body: Mapping[str, Any]) -> InstanceBreakGlass | None:
    """What an instance's status says of break-glass."""
    held = (body.get("status") or {}).get("breakGlass")
    if not held:
        return None
    refused = tuple(BreakGlassRefusal(one["name"], one["uid"], one["reason"], one["message"]) for one in held.get("refused") or ())
    return InstanceBreakGlass(parse_time(held["until"]) if held.get("until") else None, held.get("name"), refused)


def _reference_document(policy: PolicyReference) -> dict[str, Any]:
    namespace = {"namespace": policy.namespace} if policy.namespace else {}
    kind = "TwoFactorPolicy" if policy.namespace else "ClusterTwoFactorPolicy"
    return {"kind": kind, **namespace, "name": policy.name, "uid": policy.uid, "generation": policy.generation}


def _break_glass_document(held: InstanceBreakGlass) -> dict[str, Any]:
    refused = [{**asdict(one), "message": clip(one.message)} for one in held.refused[:MOST_REFUSED]]
    found = {"until": format_time(held.until) if held.until else None, "name": held.name, "refused": refused or None}
    return {name: value for name, value in found.items() if value is not None}


def _rollout_document(rollout: RolloutStatus) -> dict[str, Any]:
    names = ("generation", "state", "admitted", "updated", "failed", "total")
    found = {name: getattr(rollout, name) for name in names}
    return {**found, "batchReady": format_time(rollout.batch_ready)} if rollout.batch_ready else found


def clip(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A text that fits into a status; what is cut off is said."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def condition_of(body: Mapping[str, Any], kind: str) -> Condition | None:
    """One condition of an object from the API server, or None when it was never set."""
    for found in (body.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return Condition(kind, found.get("status", UNKNOWN), found.get("reason", ""), found.get("message", ""))
    return None


def governing_policy(body: Mapping[str, Any]) -> PolicyReference | None:
    """The policy that an instance's status names."""
    found = (body.get("status") or {}).get("policy")
    return PolicyReference(found.get("namespace", ""), found["name"], found.get("uid", ""), found.get("generation", 0)) if found else None


def rollout_status(body: Mapping[str, Any]) -> RolloutStatus | None:
    """How far a policy's status says that it has spread; None when that is not told (any more)."""
    found = (body.get("status") or {}).get("rollout")
    if not found:
        return None
    admitted, updated, failed, total = (found.get(name, 0) for name in ("admitted", "updated", "failed", "total"))
    ready = found.get("batchReady")
    moment = parse_time(ready) if ready else None
    return RolloutStatus(found.get("generation", 0), found.get("state", "Progressing"), admitted, updated, failed, total, moment)


def policy_column(instance: Key, policy: PolicyReference | None) -> str:
    if policy is None:
        return "<none>"
    return policy.name if policy.namespace == instance.namespace else f"{policy.namespace or 'ctfp'}/{policy.name}"


def _conditions(conditions: tuple[Condition, ...], generation: int) -> list[dict[str, Any]]:
    return [
        {"type": c.type, "status": c.status, "reason": c.reason, "message": clip(c.message), "observedGeneration": generation}
        for c in conditions
    ]
