"""What the operator wrote down about an instance: its status, and the Events of it. Nothing is asked of Jenkins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, condition_of, governing_policy
from jenkins2fa.core.report.document import Basis, Gap, Happening, InstanceReport, Proof, Software, nothing_known
from jenkins2fa.core.report.rules import policy_rules

MOST_EVENTS = 20  # of one instance
APPLIED = "Applied"


def recorded(body: Mapping[str, Any], instance: JenkinsInstance, policy: TwoFactorPolicy | None) -> InstanceReport:
    """One instance as its status tells it; ``policy``: the one that governs it now."""
    status = body.get("status") or {}
    enforced, drifted, ready = (condition_of(body, kind) for kind in (ENFORCED, DRIFTED, READY))
    jenkins = status.get("jenkins") or {}
    proof = (
        Proof(enforced, Basis.STATUS, _since(status, ENFORCED), drifted, ready)
        if enforced
        else nothing_known("NoStatus", "no operator has observed it yet")
    )
    reference = governing_policy(body)
    meta = instance.meta
    name = str(Key(reference.namespace, reference.name)) if reference else str(policy.meta.key) if policy else None
    return InstanceReport(
        meta.namespace,
        meta.name,
        instance.spec.url,
        name,
        proof,
        software=Software(jenkins.get("version", ""), jenkins.get("pluginVersion", ""), jenkins.get("edition", "")),
        rules=policy_rules(policy),
        differences=tuple(_field(one) for one in status.get("fields") or () if one.get("state") != APPLIED),
        gaps=(*_stale(body, status), Gap("layers and enrolment", "the operator's status does not keep them")),
    )


def _field(one: Mapping[str, Any]) -> str:
    return f"{one.get('path')}: {one.get('state')}" + (f": {one['message']}" if one.get("message") else "")


def _stale(body: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[Gap, ...]:
    generation, observed = (body.get("metadata") or {}).get("generation"), status.get("observedGeneration")
    if not status or generation == observed:
        return ()
    return (Gap("the latest change of the instance", "the operator has not processed it"),)


def _since(status: Mapping[str, Any], kind: str) -> datetime | None:
    for one in status.get("conditions") or ():
        if one.get("type") == kind and one.get("lastTransitionTime"):
            return parse_time(one["lastTransitionTime"])
    return None


def history_of(events: Iterable[Mapping[str, Any]], component: str) -> dict[str, tuple[Happening, ...]]:
    """The latest Events of the operator about instances, by namespace/name. The API server forgets Events, usually after an hour."""
    found: dict[str, list[Happening]] = {}
    for event in events:
        about = event.get("regarding") or {}
        at = (event.get("series") or {}).get("lastObservedTime") or event.get("eventTime")
        if about.get("kind") != "JenkinsInstance" or event.get("reportingController") != component or not at:
            continue
        count = (event.get("series") or {}).get("count") or 1
        happening = Happening(parse_time(at), event.get("reason", ""), event.get("note", ""), count)
        found.setdefault(f"{about.get('namespace')}/{about.get('name')}", []).append(happening)
    return {key: tuple(sorted(some, key=lambda one: one.at, reverse=True)[:MOST_EVENTS]) for key, some in found.items()}
