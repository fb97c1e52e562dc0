"""The status of a policy, aggregated from the statuses of its instances."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import asdict, dataclass, replace

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Factor, PolicySpec, TwoFactorPolicy
from jenkins2fa.api.status import (
    DRIFTED,
    ENFORCED,
    FALSE,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    UNKNOWN,
    Condition,
    Counts,
    Failing,
    PolicyStatus,
    RolloutStatus,
    clip,
)
from jenkins2fa.core.conditions import IN_PROGRESS
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.rollout import Progress, RolloutState


@dataclass(frozen=True, slots=True)
class PolicyMember:
    """One selected instance: who governs it, and its conditions (None = no reconcile has reported for this policy yet)."""

    key: Key
    governed: bool
    overridden_by: Key | None = None
    ready: Condition | None = None
    stalled: Condition | None = None
    enforced: Condition | None = None
    drifted: Condition | None = None


@dataclass(frozen=True, slots=True)
class Escape:
    """An instance that escapes a cluster policy of its namespace, and how."""

    key: Key
    how: str


def aggregate_policy(
    policy: TwoFactorPolicy,
    members: Iterable[PolicyMember],
    rollout: Progress | None = None,
    *,
    staged: bool = False,
    escapes: Iterable[Escape] | None = None,
) -> PolicyStatus:
    """Counts, columns and conditions. Messages name at most three instances, the list ``failing`` at most ten.

    ``staged``: the grace period is not over, so no roll-out has begun. ``escapes`` None = not a cluster policy."""
    all_members = sorted(members, key=lambda member: (member.key.namespace, member.key.name))
    governed = [member for member in all_members if member.governed]
    failing = [member for member in governed if member.ready is not None and member.ready.status == FALSE]
    escaped = None if escapes is None else sorted(escapes, key=lambda one: (one.key.namespace, one.key.name))
    counts = Counts(
        escaped=None if escaped is None else len(escaped),
        selected=len(all_members),
        governed=len(governed),
        overridden=len(all_members) - len(governed),
        enforced=sum(_is(member.enforced, TRUE) for member in governed),
        drifted=sum(_is(member.drifted, TRUE) for member in governed),
        failing=len(failing),
    )
    spreading = None if rollout is None or staged or policy.spec.suspend or rollout.state is RolloutState.COMPLETE else rollout
    ready = _rolling_out(spreading, failing) if spreading and governed else _ready(policy.spec, all_members, governed, failing)
    if escaped:
        ready = replace(ready, message=f"{_escapes_message(escaped)}; {ready.message}")
    return PolicyStatus(
        observed_generation=policy.meta.generation,
        conditions=(
            ready,
            _reconciling(ready, governed, failing),
            _stalled(ready, governed, failing),
            _enforced(governed),
            _drifted(governed),
        ),
        counts=counts,
        instances_column=f"{counts.enforced}/{counts.governed}",
        scope_column="everyone" if policy.spec.enforced_groups is None else "groups",
        factors_column=factors_column(policy.spec.allowed_factors),
        failing=tuple(Failing(m.key.namespace, m.key.name, m.ready.reason) for m in failing if m.ready)[:10],
        rollout=RolloutStatus(**{**asdict(rollout), "state": rollout.state.value}) if rollout else None,
    )


def _escapes_message(escaped: list[Escape]) -> str:
    """Which instances escape a cluster policy. It comes first in Ready, since the policy's author does not expect it."""
    shown = ", ".join(f"{one.key} ({one.how})" for one in escaped[:3])
    more = f" and {len(escaped) - 3} more" if len(escaped) > 3 else ""
    count = "1 instance of its namespaces escapes" if len(escaped) == 1 else f"{len(escaped)} instances of its namespaces escape"
    return f"{count} this policy: {shown}{more}"


def factors_column(factors: frozenset[Factor]) -> str:
    """``EmailOTP+1``: the first factor in the order of the API, and how many more."""
    ordered = [factor.value for factor in Factor if factor in factors]
    if not ordered:
        return "none"
    return ordered[0] + (f"+{len(ordered) - 1}" if len(ordered) > 1 else "")


def _ready(spec: PolicySpec, members: list[PolicyMember], governed: list[PolicyMember], failing: list[PolicyMember]) -> Condition:
    if not members:
        return Condition(
            READY, FALSE, Reason.NO_MATCHING_INSTANCE, ("instanceSelector matches no JenkinsInstance: check its labels, and the namespace")
        )
    if not governed:
        winners = {member.overridden_by for member in members if member.overridden_by}
        named = sorted(str(key) if key.namespace else f"ClusterTwoFactorPolicy {key}" for key in winners)
        raised = "" if all(not key.namespace for key in winners) else "raise priority, or "  # no priority outranks a cluster policy
        text = f"overridden everywhere by {', '.join(named[:3])}: {raised}select other instances"
        return Condition(READY, FALSE, Reason.OVERRIDDEN, text)
    if failing:
        reasons = sorted({member.ready.reason for member in failing if member.ready})
        reason = reasons[0] if len(reasons) == 1 else Reason.INSTANCES_FAILING
        return Condition(READY, FALSE, reason, _share(failing, governed) + _first(failing))
    waiting = [member for member in governed if member.ready is None]
    if waiting:
        return Condition(READY, FALSE, Reason.PROGRESSING, f"waiting for {len(waiting)} of {len(governed)} instances")
    if spec.suspend:
        text = "the policy is suspended: nothing is written or observed, so it is not known whether it is enforced"
        return Condition(READY, TRUE, Reason.SUSPENDED, text)
    differing = sum(_is(member.drifted, TRUE) for member in governed)
    if differing:
        return Condition(READY, TRUE, Reason.REPORTED, "differences are only reported: " + _first_drifted(governed))
    overridden = f"; {len(members) - len(governed)} more are governed by another policy" if len(members) > len(governed) else ""
    first = next((member.ready for member in governed if member.ready), None)
    reason = first.reason if first and len({m.ready.reason for m in governed if m.ready}) == 1 else Reason.IN_FORCE
    return Condition(
        READY, TRUE, reason, (first.message if first and len(governed) == 1 else (f"as desired at {len(governed)} instances")) + overridden
    )


def _rolling_out(rollout: Progress, failing: list[PolicyMember]) -> Condition:
    failed = [member for member in failing if member.ready and member.ready.reason not in IN_PROGRESS]
    failures = f": {_first(failed)}" if failed else ""
    reached = f"{rollout.updated} of {rollout.total} instances are done"
    if rollout.state is RolloutState.STOPPED:
        text = f"stopped, because {rollout.failed} of the {rollout.admitted} instances that may change failed ({reached})"
        return Condition(READY, FALSE, Reason.ROLLOUT_STOPPED, clip(f"{text}; it goes on when they are ready{failures}"))
    pausing = ", pausing before the next ones" if rollout.state is RolloutState.PAUSING else ""
    return Condition(READY, FALSE, Reason.ROLLING_OUT, clip(f"{reached}, {rollout.admitted} may change{pausing}{failures}"))


def _share(matching: Sized, governed: list[PolicyMember]) -> str:
    return "" if len(governed) == 1 else f"{len(matching)} of {len(governed)} instances: "


def _first(members: list[PolicyMember]) -> str:
    shown = [f"{member.key}: {member.ready.message}" for member in members[:3] if member.ready]
    return "; ".join(shown) + (f"; and {len(members) - 3} more" if len(members) > 3 else "")


def _first_drifted(members: list[PolicyMember]) -> str:
    return "; ".join(f"{m.key}: {m.drifted.message}" for m in [m for m in members if _is(m.drifted, TRUE)][:3] if m.drifted)


def _reconciling(ready: Condition, governed: list[PolicyMember], failing: list[PolicyMember]) -> Condition:
    if ready.reason == Reason.ROLLOUT_STOPPED:
        return Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress")
    if ready.reason == Reason.ROLLING_OUT:
        return Condition(RECONCILING, TRUE, ready.reason, ready.message)
    working = [member for member in failing if not _is(member.stalled, TRUE) and not _is_frozen(member)]
    moving = working or [member for member in governed if member.ready is None]
    if moving and ready.status == FALSE:
        return Condition(RECONCILING, TRUE, ready.reason, f"{len(moving)} of {len(governed)} instances are in progress")
    return Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress")


def _stalled(ready: Condition, governed: list[PolicyMember], failing: list[PolicyMember]) -> Condition:
    if ready.reason == Reason.ROLLING_OUT:
        return Condition(STALLED, FALSE, ready.reason, "no action required yet")
    stuck = [member for member in failing if _is(member.stalled, TRUE)]
    if not stuck and all(member.ready for member in governed):
        stuck = [member for member in failing if _is_frozen(member)]  # suspended: nothing continues before the policy is resumed
    if stuck or ready.reason in (Reason.NO_MATCHING_INSTANCE, Reason.OVERRIDDEN, Reason.ROLLOUT_STOPPED):
        return Condition(STALLED, TRUE, ready.reason, ready.message)
    return Condition(STALLED, FALSE, ready.reason, "no action required")


def _enforced(governed: list[PolicyMember]) -> Condition:
    conditions = [member.enforced for member in governed if member.enforced]
    if not governed or len(conditions) < len(governed):
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.PROGRESSING if governed else Reason.NO_INSTANCE,
            ("not every instance has been observed yet") if governed else "there is no instance",
        )
    for status in (FALSE, UNKNOWN):
        matching = [condition for condition in conditions if condition.status == status]
        if matching:
            reasons = sorted({condition.reason for condition in matching})
            reason = reasons[0] if len(reasons) == 1 else (Reason.NOT_EVERYWHERE if status == FALSE else Reason.UNVERIFIED)
            return Condition(ENFORCED, status, reason, _share(matching, governed) + matching[0].message)
    return Condition(
        ENFORCED, TRUE, Reason.PROBED, conditions[0].message if len(governed) == 1 else f"proven at all {len(governed)} instances"
    )


def _drifted(governed: list[PolicyMember]) -> Condition:
    drifted = [condition for member in governed if (condition := member.drifted) and condition.status == TRUE]
    if drifted:
        return Condition(DRIFTED, TRUE, Reason.DIFFERS, _share(drifted, governed) + drifted[0].message)
    unknown = [member for member in governed if member.drifted is None or member.drifted.status == UNKNOWN]
    if unknown:
        if all(_is_frozen(member) for member in unknown):
            return Condition(DRIFTED, UNKNOWN, Reason.SUSPENDED, "not observed: the policy is suspended")
        return Condition(DRIFTED, UNKNOWN, Reason.UNKNOWN, _share(unknown, governed) + "Jenkins could not be compared")
    return Condition(DRIFTED, FALSE, Reason.NO_DRIFT, "no instance differs from the policy")


def _is_frozen(member: PolicyMember) -> bool:
    return member.ready is not None and member.ready.reason == Reason.SUSPENDED


def _is(condition: Condition | None, status: str) -> bool:
    return condition is not None and condition.status == status
