"""What an instance reports: its status document, and the Events and log lines about changes of its controller."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from jenkins2fa.api.instance import GateMode, JenkinsInstance
from jenkins2fa.api.meta import RECONCILE_AT
from jenkins2fa.api.status import (
    ENFORCED,
    LONGEST_REQUEST,
    READY,
    RECONCILING,
    STALLED,
    BreakGlassRefusal,
    Condition,
    GateStatus,
    InstanceBreakGlass,
    InstanceStatus,
    JenkinsStatus,
    PolicyReference,
    TrialStatus,
    clip,
    condition_of,
    instance_status_document,
    policy_column,
)
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.context import NAMES, Context
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.telemetry.logs import FACTS
from jenkins2fa.core.assess import CanaryObservation, Outcome
from jenkins2fa.core.break_glass import Decision
from jenkins2fa.core.conditions import field_statuses, judge
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import GateState, Observation, TrialState
from jenkins2fa.core.reasons import Reason
from jenkins2fa.kube.events import Announcement

RELEASING = Reason.RELEASING
GATE = "gate"  # path of a correction that the gate made
PUT_BACK = "gate: it was removed from Jenkins' filter chain, or moved behind the plugin's filter, and has put itself back"
LIMITED = "many wrong answers to a second factor: the gate limits further attempts (docs/operations.md, Wrong answers)"

logger = logging.getLogger(__name__)


def instance_document(body: Body, outcome: Outcome, context: Context) -> dict[str, Any]:
    """The status of an outcome. Parts that were not observed keep their last value."""
    observation, instance, canaries = outcome.observation, outcome.instance, outcome.canaries
    policy = outcome.policy and PolicyReference(
        outcome.policy.meta.namespace, outcome.policy.meta.name, outcome.policy.meta.uid, outcome.policy.meta.generation
    )
    document = instance_status_document(
        InstanceStatus(
            observed_generation=instance.meta.generation,
            conditions=_frozen(body, judge(outcome, context.now())) if outcome.mode is Mode.SUSPENDED else judge(outcome, context.now()),
            jenkins=_jenkins(observation) if observation else _jenkins_by_canaries(body, canaries) if canaries else None,
            policy=policy or None,
            fields=field_statuses(outcome),
            gate=_gate(instance.spec.gate.mode, observation.gate) if observation else None,
            trial=_trial(observation.trial) if observation else None,
            break_glass=_break_glass(observation, outcome.break_glass, context) if observation else None,
            policy_column=policy_column(instance.meta.key, policy or None),
        )
    )
    document["lastHandledReconcileAt"] = handled_request(instance)
    if outcome.policy is None and outcome.failure is not None and outcome.failure.reason in (RELEASING, Reason.APPROVAL_REQUIRED):
        document.pop("policy")  # it keeps its value, because the next reconcile looks for the policy by this name
    if observation is None and canaries is None:
        for name in ("jenkins", "gate", "breakGlass", *(("fields",) if outcome.mode is Mode.SUSPENDED else ())):
            document.pop(name)
    return document


def handled_request(instance: JenkinsInstance) -> str | None:
    """The value of ``status.lastHandledReconcileAt``: the request (by annotation) that this reconcile has answered."""
    request = instance.meta.annotations.get(RECONCILE_AT)
    return clip(request, LONGEST_REQUEST) if request else None


def _frozen(body: Body, judged: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The conditions while the policy is suspended: they keep the state from before, and Enforced names it."""
    before = {kind: condition_of(body, kind) for kind in (READY, RECONCILING, STALLED, ENFORCED)}
    return tuple(_freeze(condition, before.get(condition.type)) for condition in judged)


def _freeze(judged: Condition, before: Condition | None) -> Condition:
    if before is None:
        return judged
    if judged.type == READY:
        return Condition(READY, before.status, judged.reason, judged.message)
    if judged.type == ENFORCED and before.reason != Reason.SUSPENDED:
        return replace(judged, message=f"{judged.message}; before that, Enforced was {before.status} ({before.reason})")
    return judged if judged.type in (RECONCILING, STALLED) and judged.status == before.status else before


def _jenkins(observation: Observation) -> JenkinsStatus:
    plugin = observation.plugin
    return JenkinsStatus(observation.version, plugin.version or "", plugin.edition or "", observation.session)


def _jenkins_by_canaries(body: Body, canaries: CanaryObservation) -> JenkinsStatus | None:
    """Version and session from the answers to canaries. A challenge has neither; then the last known values stay."""
    known = (body.get("status") or {}).get("jenkins") or {}
    version, session = canaries.version or known.get("version", ""), canaries.session or known.get("session", "")
    return JenkinsStatus(version, "", "", session) if version or session else None


def _trial(trial: TrialState) -> TrialStatus | None:
    return TrialStatus(trial.pending, trial.until) if trial.pending and trial.until else None


def _break_glass(observation: Observation, decision: Decision | None, context: Context) -> InstanceBreakGlass | None:
    """None = no break-glass is open, and none was refused."""
    end = observation.break_glass_until
    until = end if end is not None and end > context.now() else None
    break_glass = decision.break_glass if decision else None
    refused = tuple(
        BreakGlassRefusal(refusal.break_glass.meta.name, refusal.break_glass.meta.uid, refusal.finding.reason, refusal.finding.message)
        for refusal in (decision.refused if decision else ())
    )
    if until is None and not refused:
        return None
    return InstanceBreakGlass(until, break_glass.meta.name if break_glass and until else None, refused)


def _gate(mode: GateMode, gate: GateState) -> GateStatus | None:
    if mode is GateMode.NONE and gate.installed == 0:
        return None
    if gate.installed == 0:
        state = "Absent"
    elif gate.foreign:
        state = "Foreign"
    else:
        state = "InPlace" if gate.installed == 1 and gate.position == 0 else "Displaced"
    return GateStatus(mode.value, gate.code or "", state)


def report_gate_events(context: Context, subject: Subject) -> tuple[str, ...]:
    """Report what the gate has done by itself since the last observation; returns the paths of the drift that it corrected.

    It puts itself back into the filter chain, and it limits wrong answers."""
    events = subject.memory.gate_events
    if events.limited.take():
        announce(context, subject, Announcement("AnswersLimited", LIMITED, action="Watch", warning=True))
    if not events.put_back.take():
        return ()
    announce(context, subject, Announcement("DriftCorrected", PUT_BACK, action="Apply"))
    return (GATE,)


def announce(context: Context, subject: Subject, announcement: Announcement, **facts: str | float) -> None:
    """Report a change of a controller by Event and log. ``facts`` differ each time, so only the log has them."""
    log_change(subject, announcement.reason, announcement.note, **facts)
    context.events.report(NAMES[Kind.INSTANCE], subject.body, announcement)


def log_change(subject: Subject, change: str, note: str, **facts: str | float) -> None:
    """The log line for a change of a controller."""
    policy = {"policy": str(subject.policy.meta.key)} if subject.policy else {}
    fields = {"instance": str(subject.key), **policy, "change": change, **facts}
    tail = f" ({', '.join(f'{name} {value}' for name, value in facts.items())})" if facts else ""
    logger.info("instance %s: %s: %s%s", subject.key, change, note, tail, extra={FACTS: fields})
