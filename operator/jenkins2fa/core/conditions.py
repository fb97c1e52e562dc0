"""The conditions of an instance, and the state of each field of its policy, from the outcome of a reconcile.

:func:`judge` sets all five conditions, with one function for each. ``enforced.py`` has the one that takes a proof.
"""

from __future__ import annotations

from datetime import datetime

from jenkins2fa.api.policy import ApiTokens, PolicySpec
from jenkins2fa.api.status import (
    DRIFTED,
    FALSE,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    UNKNOWN,
    Condition,
    FieldStatus,
    clip,
)
from jenkins2fa.core.assess import CanaryObservation, Outcome, Proof
from jenkins2fa.core.desired import FieldState
from jenkins2fa.core.enforced import NOT_READ, judge_enforced
from jenkins2fa.core.guard.finding import Finding, Severity
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.plan import Change, describe
from jenkins2fa.core.reasons import Reason

SITE_DECIDES = (Reason.ASSURANCE_NOT_MET, Reason.ANONYMOUS_ADMINISTERS)  # not enforced, and no change of settings would help
EXEMPT_CHALLENGED = "a canary that expects Exempt was challenged: exemptions are not in force for it"  # in ``Outcome.notes``
LOCKED_OUT = "a canary that expects Passes could not get in with its password and its code, so people may not get in either"
"""In ``Outcome.notes``, with the reason after it."""
IN_PROGRESS = (Reason.PROGRESSING, Reason.BYPASSED, Reason.WAITING_FOR_ROLLOUT)


def judge(outcome: Outcome, now: datetime) -> tuple[Condition, ...]:
    """The five conditions of an instance, all set from the first reconcile on."""
    enforced = judge_enforced(outcome, now)
    ready = judge_ready(outcome, enforced)
    return (ready, judge_reconciling(outcome, ready), judge_stalled(outcome, ready), enforced, judge_drifted(outcome))


def judge_ready(outcome: Outcome, enforced: Condition) -> Condition:
    if outcome.canaries is not None and enforced.reason in (Reason.BYPASSED, Reason.EXEMPT_CHALLENGED):
        return Condition(READY, FALSE, enforced.reason, enforced.message)
    if outcome.failure is not None:
        return Condition(READY, FALSE, outcome.failure.reason, outcome.failure.message)
    if outcome.canaries is not None:
        return _judge_ready_by_canaries(outcome.canaries, enforced)
    if outcome.policy is None:
        return Condition(READY, TRUE, Reason.NO_POLICY, "reachable; no policy selects this instance")
    if outcome.mode is Mode.SUSPENDED:
        return Condition(READY, TRUE, Reason.SUSPENDED, f"{Mode.SUSPENDED.value} or observed, so it is not known whether it is enforced")
    if outcome.mode is Mode.BREAK_GLASS:
        return Condition(READY, TRUE, Reason.BREAK_GLASS, enforced.message)
    if outcome.refusal is not None:
        return Condition(READY, FALSE, outcome.refusal.reason, _refused(outcome.refusal))
    differing = outcome.plan.changes if outcome.plan else ()
    if differing and outcome.mode is Mode.WAITING:
        return Condition(READY, FALSE, outcome.mode.reason, outcome.mode.value)
    if differing and outcome.mode is not Mode.WRITE:
        enrolment = "".join(f"; so far {finding.message}" for finding in outcome.findings if finding.reason == Reason.ENROLMENT_TOO_LOW)
        return Condition(READY, TRUE, outcome.mode.reason, clip(f"{outcome.mode.value}{enrolment}; differing: {describe(differing)}"))
    if differing:
        return Condition(READY, FALSE, Reason.PROGRESSING, f"still differing: {describe(differing)}")
    if outcome.plan and outcome.plan.unsupported:
        return Condition(READY, FALSE, Reason.UNSUPPORTED, "; ".join(f"{u.path}: {u.message}" for u in outcome.plan.unsupported))
    if enforced.reason in (Reason.BYPASSED, *SITE_DECIDES):
        return Condition(READY, FALSE, enforced.reason, enforced.message)
    if outcome.break_glass is not None and outcome.break_glass.refused:
        finding = outcome.break_glass.refused[0].finding
        return Condition(READY, FALSE, finding.reason, clip(f"break-glass {finding.message}"))
    if EXEMPT_CHALLENGED in outcome.notes:
        return Condition(READY, FALSE, Reason.EXEMPT_CHALLENGED, EXEMPT_CHALLENGED)
    locked_out = next((note for note in outcome.notes if note.startswith(LOCKED_OUT)), None)
    if locked_out is not None:
        return Condition(READY, FALSE, Reason.CANARY_LOCKED_OUT, clip(locked_out))
    omitted = (enforced.reason, Reason.API_TOKENS_EXEMPT)  # the message has the first already, and the policy the second
    hints = "".join(f"; note: {finding.message}" for finding in outcome.findings if finding.reason not in omitted)
    hints += "".join(f"; note: {note}" for note in outcome.notes)
    return Condition(READY, TRUE, Reason.IN_FORCE if enforced.status == TRUE else enforced.reason, clip(enforced.message + hints))


def _judge_ready_by_canaries(canaries: CanaryObservation, enforced: Condition) -> Condition:
    if enforced.reason == Reason.DISABLED and canaries.challenged is Proof.CHALLENGED:
        return Condition(READY, FALSE, Reason.STILL_CHALLENGED, f"{enforced.message}; with access: ProbeOnly nothing can be changed")
    if canaries.locked_out:
        return Condition(READY, FALSE, Reason.CANARY_LOCKED_OUT, clip(f"{LOCKED_OUT}: {canaries.locked_out}"))
    return Condition(READY, TRUE, Reason.IN_FORCE if enforced.status == TRUE else enforced.reason, enforced.message)


def _refused(finding: Finding) -> str:
    return f"{finding.path}: {finding.message}" if finding.path else finding.message


def judge_reconciling(outcome: Outcome, ready: Condition) -> Condition:
    if _in_progress(outcome, ready):
        return Condition(RECONCILING, TRUE, ready.reason, f"trying again: {ready.message}")
    return Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress")


def judge_stalled(outcome: Outcome, ready: Condition) -> Condition:
    if ready.status == FALSE and not _in_progress(outcome, ready):
        return Condition(STALLED, TRUE, ready.reason, ready.message)
    return Condition(STALLED, FALSE, ready.reason, "no action required")


def _in_progress(outcome: Outcome, ready: Condition) -> bool:
    """Whether the operator continues by itself. With canaries alone it cannot change anything, so only transient failures go away."""
    if ready.status != FALSE:
        return False
    if outcome.failure is not None and outcome.failure.reason == ready.reason:
        return outcome.failure.transient
    return outcome.canaries is None and ready.reason in IN_PROGRESS


def judge_drifted(outcome: Outcome) -> Condition:
    if outcome.mode is Mode.SUSPENDED and outcome.observation is None:
        return Condition(DRIFTED, UNKNOWN, Reason.SUSPENDED, "not observed: the policy is suspended")
    if outcome.canaries is not None:
        return Condition(DRIFTED, UNKNOWN, Reason.NOT_OBSERVED, NOT_READ)
    if outcome.observation is None or outcome.plan is None:
        reason = outcome.failure.reason if outcome.failure else Reason.NO_POLICY
        return Condition(DRIFTED, UNKNOWN if outcome.failure else FALSE, reason, "there is nothing to compare")
    changes = outcome.plan.changes
    if outcome.mode is Mode.BREAK_GLASS:
        return Condition(DRIFTED, FALSE, Reason.BREAK_GLASS, Mode.BREAK_GLASS.value)
    if changes and (outcome.drift or outcome.mode not in (Mode.WRITE, Mode.WAITING)):
        return Condition(DRIFTED, TRUE, Reason.DIFFERS, f"Jenkins differs from the policy: {describe(changes)}")
    if outcome.corrected:
        return Condition(DRIFTED, FALSE, Reason.CORRECTED, f"drift was corrected: {', '.join(outcome.corrected)}")
    return Condition(DRIFTED, FALSE, Reason.NO_DRIFT, "Jenkins is as the policy says" if not changes else "the policy is being applied")


def field_statuses(outcome: Outcome) -> tuple[FieldStatus, ...]:
    """The state of each field that the policy sets, at this instance."""
    if outcome.policy is None or outcome.plan is None:
        return ()
    unsupported = {u.path: u.message for u in outcome.plan.unsupported}
    refused = {f.path: f.message for f in outcome.findings if f.severity is Severity.REFUSAL and f.path}
    differing: dict[str, list[Change]] = {}
    for change in outcome.plan.changes:
        differing.setdefault(change.path.split(".")[0], []).append(change)
    statuses = []
    ineffective = _exempting(outcome.policy.spec) if EXEMPT_CHALLENGED in outcome.notes else None
    for path in _set_fields(outcome):
        if path in unsupported:
            statuses.append(FieldStatus(path, FieldState.UNSUPPORTED, unsupported[path]))
        elif path in refused or (path in differing and outcome.refusal is not None):
            statuses.append(
                FieldStatus(path, FieldState.REFUSED, refused.get(path) or _refused(outcome.refusal) if outcome.refusal else "")
            )
        elif path in differing:
            statuses.append(FieldStatus(path, FieldState.DRIFTED, describe(tuple(differing[path]))))
        elif path == ineffective:
            statuses.append(FieldStatus(path, FieldState.DRIFTED, EXEMPT_CHALLENGED))
        else:
            statuses.append(FieldStatus(path, FieldState.APPLIED))
    return tuple(statuses)


def _exempting(spec: PolicySpec) -> str | None:
    """The field that makes users exempt."""
    if spec.exempt_groups:
        return "exemptGroups"
    if spec.enforced_groups is not None:
        return "enforcedGroups"
    return "apiTokens" if spec.api_tokens is ApiTokens.EXEMPT else None


def _set_fields(outcome: Outcome) -> list[str]:
    assert outcome.policy is not None
    spec = outcome.policy.spec
    fields = (
        ("mode", True),
        ("enforcedGroups", spec.enforced_groups is not None),
        ("exemptGroups", bool(spec.exempt_groups)),
        ("allowedFactors", bool(spec.allowed_factors)),
        ("emailOTP", spec.email_otp is not None),
        ("smsOTP", spec.sms_gateway is not None),
        ("requireOnBuild", spec.build_window is not None),
        ("rememberDevice", spec.remember_device is not None),
        ("apiTokens", spec.api_tokens is not None),
        ("gate", outcome.plan is not None and outcome.plan.desired.gate_counts),
    )
    return [path for path, is_set in fields if is_set]
