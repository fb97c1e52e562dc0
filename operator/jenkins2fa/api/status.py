"""The status of each custom resource, as data and as the JSON that the CRDs describe."""

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
LONGEST_WORD, LONGEST_ID = 64, 128  # for strings from Jenkins: the API server refuses the whole status if one is too long
MOST_FIELDS = 32
MOST_FAILING = 10
MOST_REFUSED = 10


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition without its time: the writer adds it, because it depends on the previous condition."""

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
    """``until`` None = none is open. ``name``: the TwoFactorBreakGlass that is open."""

    until: datetime | None = None
    name: str | None = None
    refused: tuple[BreakGlassRefusal, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The status of an instance after a reconcile."""

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
class BreakGlassHistory:
    """The past according to the status. ``opened``: the most instances at one time."""

    opened_at: datetime | None = None
    closed_at: datetime | None = None
    opened: int = 0


@dataclass(frozen=True, slots=True)
class BreakGlassStatus:
    """The status of a break-glass, aggregated from its instances. ``opened_at``, ``closed_at``: when that was observed."""

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
    """The progress of rolling out one generation of a policy. ``state`` as in the CRD."""

    generation: int
    state: str
    admitted: int
    updated: int
    failed: int
    total: int
    batch_ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """The status of a policy, aggregated from its instances."""

    observed_generation: int
    conditions: tuple[Condition, ...]
    counts: Counts
    instances_column: str
    scope_column: str
    factors_column: str
    failing: tuple[Failing, ...] = ()
    rollout: RolloutStatus | None = None


def instance_status_document(status: InstanceStatus) -> dict[str, Any]:
    """As JSON for the API server, without the times of conditions. Absent parts are None, so that a merge patch removes them."""
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
    """The break-glass in the status of an instance."""
    document = (body.get("status") or {}).get("breakGlass")
    if not document:
        return None
    refused = tuple(BreakGlassRefusal(one["name"], one["uid"], one["reason"], one["message"]) for one in document.get("refused") or ())
    return InstanceBreakGlass(parse_time(document["until"]) if document.get("until") else None, document.get("name"), refused)


def break_glass_history(body: Mapping[str, Any]) -> BreakGlassHistory:
    """What the status of a break-glass reports of its past."""
    status = body.get("status") or {}
    opened, closed = (parse_time(status[name]) if status.get(name) else None for name in ("openedAt", "closedAt"))
    return BreakGlassHistory(opened, closed, int((status.get("instances") or {}).get("opened") or 0))


def _reference_document(policy: PolicyReference) -> dict[str, Any]:
    namespace = {"namespace": policy.namespace} if policy.namespace else {}
    kind = "TwoFactorPolicy" if policy.namespace else "ClusterTwoFactorPolicy"
    return {"kind": kind, **namespace, "name": policy.name, "uid": policy.uid, "generation": policy.generation}


def _break_glass_document(break_glass: InstanceBreakGlass) -> dict[str, Any]:
    refused = [{**asdict(one), "message": clip(one.message)} for one in break_glass.refused[:MOST_REFUSED]]
    document = {
        "until": format_time(break_glass.until) if break_glass.until else None,
        "name": break_glass.name,
        "refused": refused or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def _rollout_document(rollout: RolloutStatus) -> dict[str, Any]:
    names = ("generation", "state", "admitted", "updated", "failed", "total")
    document = {name: getattr(rollout, name) for name in names}
    return {**document, "batchReady": format_time(rollout.batch_ready)} if rollout.batch_ready else document


def clip(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A string that fits into a status. A cut one ends with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def condition_of(body: Mapping[str, Any], kind: str) -> Condition | None:
    """A condition of an object from the API server. None = it was never set."""
    for condition in (body.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return Condition(kind, condition.get("status", UNKNOWN), condition.get("reason", ""), condition.get("message", ""))
    return None


def governing_policy(body: Mapping[str, Any]) -> PolicyReference | None:
    """The policy in the status of an instance."""
    policy = (body.get("status") or {}).get("policy")
    return (
        PolicyReference(policy.get("namespace", ""), policy["name"], policy.get("uid", ""), policy.get("generation", 0)) if policy else None
    )


def rollout_status(body: Mapping[str, Any]) -> RolloutStatus | None:
    """The roll-out in the status of a policy; None = there is none."""
    rollout = (body.get("status") or {}).get("rollout")
    if not rollout:
        return None
    admitted, updated, failed, total = (rollout.get(name, 0) for name in ("admitted", "updated", "failed", "total"))
    ready = rollout.get("batchReady")
    moment = parse_time(ready) if ready else None
    return RolloutStatus(rollout.get("generation", 0), rollout.get("state", "Progressing"), admitted, updated, failed, total, moment)


def policy_column(instance: Key, policy: PolicyReference | None) -> str:
    if policy is None:
        return "<none>"
    return policy.name if policy.namespace == instance.namespace else f"{policy.namespace or 'ctfp'}/{policy.name}"


def _conditions(conditions: tuple[Condition, ...], generation: int) -> list[dict[str, Any]]:
    return [
        {"type": c.type, "status": c.status, "reason": c.reason, "message": clip(c.message), "observedGeneration": generation}
        for c in conditions
    ]
