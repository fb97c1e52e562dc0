"""From the outcome of a reconcile to what people see: status, Events, one line in the log. Nothing is written when nothing changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import GateMode, JenkinsInstance
from jenkins2fa.api.meta import RECONCILE_AT, Key, read_metadata
from jenkins2fa.api.status import (
    DRIFTED,
    ENFORCED,
    FALSE,
    LONGEST_REQUEST,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    UNKNOWN,
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
    governing_policy,
    instance_status_document,
    policy_column,
)
from jenkins2fa.controller.cache import Body, key_of
from jenkins2fa.controller.context import NAMES, Context, name_of, plural_of
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.telemetry.logs import FACTS
from jenkins2fa.core.assess import CanaryObservation, Outcome
from jenkins2fa.core.break_glass import Decision
from jenkins2fa.core.conditions import field_statuses, judge
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import GateState, Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.kube.client import Unavailable
from jenkins2fa.kube.events import Announcement
from jenkins2fa.kube.lease import OPERATOR
from jenkins2fa.kube.status import difference, transitions, with_times

RELEASING = Reason.RELEASING

logger = logging.getLogger(__name__)


def write_status(context: Context, kind: Kind, body: Body, document: Mapping[str, Any]) -> bool:
    """Bring an object's status to ``document`` (no times yet); whether it has changed. Tells of transitions by Event and log: also of a
    write whose answer was lost, once it is seen to have been carried out."""
    held, meta = body.get("status") or {}, read_metadata(body)
    wanted = {**with_times(document, held, context.now()), OPERATOR: context.other_installations.own}
    patch, untold = difference(wanted, held), context.untold.get(meta.uid)
    if (not patch and untold is None) or not context.leading():
        return False
    before = held if untold is None else untold
    if patch:
        context.other_installations.claimed(meta.uid)
        try:
            written = context.kubernetes.patch_status(plural_of(kind, meta.key), meta.key, meta.uid, patch)
        except Unavailable:
            context.untold[meta.uid] = before
            raise
        context.mapping.map_event(kind, "MODIFIED", written)
    context.untold.pop(meta.uid, None)
    _tell(context, kind, body, transitions(wanted, before), _whose(kind, meta.key, {**held, **wanted}))
    return True


def _whose(kind: Kind, key: Key, status: Mapping[str, Any]) -> dict[str, str]:
    """The objects that a line about a status is about: an instance with the policy that governs it, a policy, or a break-glass."""
    if kind is not Kind.INSTANCE:
        return {"policy" if kind is Kind.POLICY else "breakGlass": str(key)}
    named = governing_policy({"status": status})
    return {"instance": str(key), **({"policy": str(Key(named.namespace, named.name))} if named else {})}


def _tell(context: Context, kind: Kind, body: Body, changed: list[dict[str, Any]], whose: Mapping[str, str]) -> None:
    """What Ready became; what Enforced and Drifted became where that says more. Each reason once."""
    by_type = {condition["type"]: condition for condition in changed if _is_news(condition)}
    told: set[str] = set()
    for name in (READY, ENFORCED, DRIFTED):
        condition = by_type.get(name)
        if condition is None or condition["reason"] in told:
            continue
        if name == ENFORCED and condition["status"] == TRUE and READY in by_type:
            continue  # Ready's message says it already
        told.add(condition["reason"])
        status, reason, message = (condition[part] for part in ("status", "reason", "message"))
        facts = {**whose, "condition": name, "status": status, "reason": reason}
        logger.info("%s %s: %s=%s/%s: %s", kind, read_metadata(body).key, name, status, reason, message, extra={FACTS: facts})
        bad = status == (TRUE if name == DRIFTED else FALSE)
        context.events.tell(name_of(kind, key_of(body)), body, Announcement(reason, message, warning=bad))


def _is_news(condition: Mapping[str, Any]) -> bool:
    quiet = {READY: (), ENFORCED: (UNKNOWN,), DRIFTED: (UNKNOWN, FALSE)}
    return condition["type"] in quiet and condition["status"] not in quiet[condition["type"]]


def instance_document(body: Body, outcome: Outcome, context: Context) -> dict[str, Any]:
    """The status of an outcome. What was not observed this time is left as it was last observed."""
    seen, found, canaries = outcome.observation, outcome.instance, outcome.canaries
    policy = outcome.policy and PolicyReference(
        outcome.policy.meta.namespace, outcome.policy.meta.name, outcome.policy.meta.uid, outcome.policy.meta.generation
    )
    document = instance_status_document(
        InstanceStatus(
            observed_generation=found.meta.generation,
            conditions=_frozen(body, judge(outcome, context.now())) if outcome.mode is Mode.SUSPENDED else judge(outcome, context.now()),
            jenkins=_jenkins(seen) if seen else _jenkins_by_canaries(body, canaries) if canaries else None,
            policy=policy or None,
            fields=field_statuses(outcome),
            gate=_gate(found.spec.gate.mode, seen.gate) if seen else None,
            trial=TrialStatus(seen.trial.pending, seen.trial.until) if seen and seen.trial.pending and seen.trial.until else None,
            break_glass=_break_glass(seen, outcome.break_glass, context) if seen else None,
            policy_column=policy_column(found.meta.key, policy or None),
        )
    )
    document["lastHandledReconcileAt"] = handled_request(found)
    if outcome.policy is None and outcome.failure is not None and outcome.failure.reason in (RELEASING, Reason.APPROVAL_REQUIRED):
        document.pop("policy")  # the next reconcile asks for it by name
    if seen is None and canaries is None:
        for name in ("jenkins", "gate", "breakGlass", *(("fields",) if outcome.mode is Mode.SUSPENDED else ())):
            document.pop(name)
    return document


def handled_request(instance: JenkinsInstance) -> str | None:
    """What ``status.lastHandledReconcileAt`` says: the request that this reconcile has answered."""
    asked = instance.meta.annotations.get(RECONCILE_AT)
    return clip(asked, LONGEST_REQUEST) if asked else None


def invalid_document(generation: int, error: InvalidObject, unknown: tuple[str, ...] = (ENFORCED, DRIFTED)) -> dict[str, Any]:
    """The status of an object that cannot be used: somebody has to correct it. ``unknown``: conditions besides kstatus' that it has."""
    message = f"the object cannot be used: {error}"[:1024]
    rows = ((READY, FALSE), (RECONCILING, FALSE), (STALLED, TRUE), *((kind, UNKNOWN) for kind in unknown))
    conditions = [
        {"type": kind, "status": status, "reason": "Invalid", "message": message, "observedGeneration": generation} for kind, status in rows
    ]
    return {"observedGeneration": generation, "conditions": conditions}


def _frozen(body: Body, judged: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """A suspended policy's conditions. A failure before it is not reported as well, and the state before it is named."""
    kept = {kind: condition_of(body, kind) for kind in (READY, RECONCILING, STALLED, ENFORCED)}
    return tuple(_freeze(condition, kept.get(condition.type)) for condition in judged)


def _freeze(judged: Condition, before: Condition | None) -> Condition:
    if before is None:
        return judged
    if judged.type == READY:
        return Condition(READY, before.status, judged.reason, judged.message)
    if judged.type == ENFORCED and before.reason != Reason.SUSPENDED:
        return replace(judged, message=f"{judged.message}; before that, Enforced was {before.status} ({before.reason})")
    return judged if judged.type in (RECONCILING, STALLED) and judged.status == before.status else before


def _jenkins(seen: Observation) -> JenkinsStatus:
    edition = seen.plugin.edition or ""
    return JenkinsStatus(seen.version, seen.plugin.version or "", edition, seen.session)


def _jenkins_by_canaries(body: Body, canaries: CanaryObservation) -> JenkinsStatus | None:
    """What the canaries' answers said of Jenkins; a challenge says nothing, and then what was known stays."""
    held = (body.get("status") or {}).get("jenkins") or {}
    version, session = canaries.version or held.get("version", ""), canaries.session or held.get("session", "")
    return JenkinsStatus(version, "", "", session) if version or session else None


def _break_glass(seen: Observation, decision: Decision | None, context: Context) -> InstanceBreakGlass | None:
    """None = none is open, and none is asked for in vain."""
    until = seen.break_glass_until if seen.break_glass_until is not None and seen.break_glass_until > context.now() else None
    open_one = decision.break_glass if decision else None
    refused = tuple(
        BreakGlassRefusal(one.break_glass.meta.name, one.break_glass.meta.uid, one.finding.reason, one.finding.message)
        for one in (decision.refused if decision else ())
    )
    if until is None and not refused:
        return None
    return InstanceBreakGlass(until, open_one.meta.name if open_one and until else None, refused)


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


def announce(context: Context, subject: Subject, announcement: Announcement, **facts: str | float) -> None:
    """Tell of something that was done in a Jenkins, by Event and log; ``facts`` go into the log alone (they differ each time)."""
    log_change(subject, announcement.reason, announcement.note, **facts)
    context.events.tell(NAMES[Kind.INSTANCE], subject.body, announcement)


def log_change(subject: Subject, change: str, note: str, **facts: str | float) -> None:
    """The one line of a reconcile that did something in a Jenkins."""
    policy = {"policy": str(subject.policy.meta.key)} if subject.policy else {}
    more = {"instance": str(subject.key), **policy, "change": change, **facts}
    tail = f" ({', '.join(f'{name} {value}' for name, value in facts.items())})" if facts else ""
    logger.info("instance %s: %s: %s%s", subject.key, change, note, tail, extra={FACTS: more})
