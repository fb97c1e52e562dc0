"""What a report says about each instance: an observation and a probe of its own, else what the operator recorded. Reads only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.instance import Access, JenkinsInstance, Provider
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, condition_of, governing_policy
from jenkins2fa.cli.plan.fleet import plan_instance
from jenkins2fa.cli.plan.sources import Sources
from jenkins2fa.core import assess
from jenkins2fa.core.assess import Outcome
from jenkins2fa.core.conditions import judge_drifted, judge_ready
from jenkins2fa.core.enforced import judge_enforced
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import describe
from jenkins2fa.core.report.document import (
    Basis,
    BreakGlassReport,
    Gap,
    InstanceReport,
    Layers,
    PastEvent,
    ReportedProof,
    Software,
    observed_rules,
    policy_rules,
    unknown_proof,
)
from jenkins2fa.core.report.risks import gaps_of, risks
from jenkins2fa.core.settings import plugin_name
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.kube.client import KubernetesError

MOST_NAMES = 500


@dataclass(frozen=True, slots=True)
class ReportContext:
    """``bodies``: instances as the cluster has them, by key. ``history``: Events by key. ``directly``: also connect to each controller."""

    sources: Sources
    now: Callable[[], datetime]
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    history: Mapping[str, tuple[PastEvent, ...]] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    break_glasses: tuple[BreakGlassReport, ...] | None = None
    directly: bool = True
    with_names: bool = False


def report_on(instance: JenkinsInstance, context: ReportContext) -> InstanceReport:
    """The report on one instance. A failure becomes a gap; nothing is raised."""
    policy = context.sources.resolve(instance).winner
    report = _observed(instance, policy, context)
    events = context.history.get(str(instance.meta.key), ())
    history = tuple(sorted((*report.history, *events), key=lambda event: event.at, reverse=True))
    return replace(report, history=history, gaps=(*report.gaps, *context.gaps))


def _observed(instance: JenkinsInstance, policy: TwoFactorPolicy | None, context: ReportContext) -> InstanceReport:
    if not context.directly:
        return _from_status(instance, policy, context, Gap("Jenkins itself", "--recorded: only the operator's records were read"))
    if instance.spec.access is Access.PROBE_ONLY:
        return _from_status(
            instance, policy, context, Gap("settings", "access is ProbeOnly: disk, memory, live flag and factors are not read")
        )
    try:
        return _probed(instance, policy, context.sources.connect(instance), context)
    except JenkinsError as problem:
        gap = Gap("Jenkins itself", f"{problem.reason}: {problem}")
    except KubernetesError as problem:
        gap = Gap("Jenkins itself", f"its Secret could not be read: {problem}")
    except Exception as problem:  # an unexpected error affects only this instance
        gap = Gap("Jenkins itself", f"InternalError: {type(problem).__name__}")
    return _from_status(instance, policy, context, gap)


def _from_status(instance: JenkinsInstance, policy: TwoFactorPolicy | None, context: ReportContext, gap: Gap) -> InstanceReport:
    """What the operator recorded, where there is a cluster; else nothing but the reason."""
    body = context.bodies.get(str(instance.meta.key))
    if body is not None:
        report = recorded(body, instance, policy)
    else:
        report = InstanceReport(
            *_names(instance, policy), unknown_proof("NotObserved", f"{gap.what}: {gap.why}"), rules=policy_rules(policy)
        )
    return replace(report, gaps=(gap, *report.gaps), risks=risks(report.rules, None, report.proof, context.now()))


def _probed(instance: JenkinsInstance, policy: TwoFactorPolicy | None, connection: Connection, context: ReportContext) -> InstanceReport:
    gaps: list[Gap] = []
    with contextlib.closing(driver_for(connection, provider=instance.spec.provider)) as driver:
        observation = driver.observe(groups=_enforced(policy), users=True, exempt=_exempt(policy))
        proof_of_probe = _probe(driver, observation, gaps)
    outcome = _outcome(instance, policy, connection, observation, proof_of_probe, context)
    now = context.now()
    enforced = judge_enforced(outcome, now)
    proof = ReportedProof(enforced, Basis.PROBE, now, judge_drifted(outcome), judge_ready(outcome, enforced))
    rules = observed_rules(observation)
    return InstanceReport(
        *_names(instance, policy),
        proof,
        software=Software(observation.version, observation.plugin.version or "", observation.plugin.edition or ""),
        layers=_layers(observation),
        rules=rules,
        enrolment=observation.enrolment,
        names=_user_names(connection, instance.spec.provider, policy, gaps) if context.with_names else None,
        differences=_differences(outcome),
        history=_corrections(observation),
        risks=risks(rules, observation, proof, now),
        gaps=(*gaps, *gaps_of(observation)),
    )


def _enforced(policy: TwoFactorPolicy | None) -> frozenset[str]:
    """The groups that are challenged; empty = everyone."""
    return (policy.spec.enforced_groups if policy else None) or frozenset()


def _exempt(policy: TwoFactorPolicy | None) -> frozenset[str]:
    return policy.spec.exempt_groups if policy else frozenset()


def _probe(driver: Driver, observation: Observation, gaps: list[Gap]) -> assess.Proof:
    if not observation.effective:
        return assess.Proof.NONE
    try:
        return driver.probe()
    except JenkinsError as problem:
        gaps.append(Gap("probe", f"{problem.reason}: {problem}"))
        return assess.Proof.NONE


def _outcome(
    instance: JenkinsInstance,
    policy: TwoFactorPolicy | None,
    connection: Connection,
    observation: Observation,
    proof_of_probe: assess.Proof,
    context: ReportContext,
) -> Outcome:
    if policy is None:
        return Outcome(instance, None, observation, proof=proof_of_probe)
    owner = observation.owner
    cluster = context.sources.cluster or (owner.cluster if owner else "")
    assessment = plan_instance(policy, instance, connection, observation, owner.name if owner else None, cluster).assessment
    return Outcome(instance, policy, assessment, proof=proof_of_probe)


def _differences(outcome: Outcome) -> tuple[str, ...]:
    if outcome.plan is None:
        return ()
    changes = tuple(describe(tuple(change for change in outcome.plan.changes if change.path == path)) for path in outcome.plan.paths)
    return (*changes, *(f"{field.path}: unsupported: {field.message}" for field in outcome.plan.unsupported))


def _corrections(observation: Observation) -> tuple[PastEvent, ...]:
    return tuple(
        PastEvent(time, "Corrected", f"drift of {path} was corrected (recorded in Jenkins)")
        for path, times in observation.corrections.items()
        for time in times
    )


def _layers(observation: Observation) -> Layers:
    disk, memory = (layer.enabled if layer else None for layer in (observation.disk, observation.memory))
    return Layers(disk, memory, bool(observation.live) if observation.capabilities.has_live_flag else None, _gate(observation))


def _gate(observation: Observation) -> str:
    if observation.gate.installed == 0:
        return "absent"
    if observation.gate.foreign or observation.gate.installed > 1 or observation.gate.position != 0:
        return "out of place"
    return "in place"


def _user_names(
    connection: Connection, provider: Provider | None, policy: TwoFactorPolicy | None, gaps: list[Gap]
) -> tuple[str, ...] | None:
    with contextlib.closing(Console(connection)) as console:
        try:
            groups, exempt = sorted(_enforced(policy)), sorted(_exempt(policy))
            answer = console.run("not_enrolled", most=MOST_NAMES, groups=groups, exempt=exempt, plugin=plugin_name(provider))
        except JenkinsError as problem:
            gaps.append(Gap("names", f"{problem.reason}: {problem}"))
            return None
    if answer["more"]:
        gaps.append(Gap("names", f"{answer['more']} more users are not listed"))
    return tuple(str(name) for name in answer["users"])


def _names(instance: JenkinsInstance, policy: TwoFactorPolicy | None) -> tuple[str, str, str, str | None]:
    meta = instance.meta
    return meta.namespace, meta.name, instance.spec.url, str(policy.meta.key) if policy else None


MOST_EVENTS = 20  # of one instance
APPLIED = "Applied"


def recorded(body: Mapping[str, Any], instance: JenkinsInstance, policy: TwoFactorPolicy | None) -> InstanceReport:
    """One instance as the operator recorded it in its status. ``policy``: the one that governs it now."""
    status = body.get("status") or {}
    enforced, drifted, ready = (condition_of(body, kind) for kind in (ENFORCED, DRIFTED, READY))
    jenkins = status.get("jenkins") or {}
    proof = (
        ReportedProof(enforced, Basis.STATUS, _since(status, ENFORCED), drifted, ready)
        if enforced
        else unknown_proof("NoStatus", "no operator has observed it yet")
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
        differences=tuple(_field(field) for field in status.get("fields") or () if field.get("state") != APPLIED),
        gaps=(*_stale(body, status), Gap("layers and enrolment", "the operator's status does not keep them")),
    )


def _field(field: Mapping[str, Any]) -> str:
    return f"{field.get('path')}: {field.get('state')}" + (f": {field['message']}" if field.get("message") else "")


def _stale(body: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[Gap, ...]:
    generation, observed = (body.get("metadata") or {}).get("generation"), status.get("observedGeneration")
    if not status or generation == observed:
        return ()
    return (Gap("the latest change of the instance", "the operator has not processed it"),)


def _since(status: Mapping[str, Any], kind: str) -> datetime | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("lastTransitionTime"):
            return parse_time(condition["lastTransitionTime"])
    return None


def history_of(events: Iterable[Mapping[str, Any]], component: str) -> dict[str, tuple[PastEvent, ...]]:
    """The operator's latest Events about instances, by namespace/name. The API server drops Events, usually after an hour."""
    history: dict[str, list[PastEvent]] = {}
    for event in events:
        subject = event.get("regarding") or {}
        at = (event.get("series") or {}).get("lastObservedTime") or event.get("eventTime")
        if subject.get("kind") != "JenkinsInstance" or event.get("reportingController") != component or not at:
            continue
        count = (event.get("series") or {}).get("count") or 1
        entry = PastEvent(parse_time(at), event.get("reason", ""), event.get("note", ""), count)
        history.setdefault(f"{subject.get('namespace')}/{subject.get('name')}", []).append(entry)
    return {key: tuple(sorted(entries, key=lambda entry: entry.at, reverse=True)[:MOST_EVENTS]) for key, entries in history.items()}
