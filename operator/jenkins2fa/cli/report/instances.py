"""What a report says about each instance: an observation and a probe of its own, else what the operator recorded. Reads only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, condition_of, governing_policy
from jenkins2fa.cli.plan.fleet import plan_instance
from jenkins2fa.cli.plan.sources import Sources
from jenkins2fa.core import assess
from jenkins2fa.core.assess import Outcome
from jenkins2fa.core.conditions import describe, judge_drifted, judge_enforced, judge_ready
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.report.document import Basis, Gap, Happening, InstanceReport, Layers, Proof, Software, nothing_known
from jenkins2fa.core.report.risks import gaps_of, risks
from jenkins2fa.core.report.rules import policy_rules, seen_rules
from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.kube.client import KubernetesError

MOST_NAMES = 500


@dataclass(frozen=True, slots=True)
class Asking:
    """``bodies``: instances as the cluster holds them, by key; ``history``: Events by key; ``directly``: ask each Jenkins, too."""

    sources: Sources
    now: Callable[[], datetime]
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    history: Mapping[str, tuple[Happening, ...]] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    directly: bool = True
    with_names: bool = False


def report_on(instance: JenkinsInstance, asking: Asking) -> InstanceReport:
    """Never raises for one instance: its failure becomes a gap."""
    policy = asking.sources.resolve(instance).winner
    found = _observed(instance, policy, asking)
    events = asking.history.get(str(instance.meta.key), ())
    history = tuple(sorted((*found.history, *events), key=lambda one: one.at, reverse=True))
    return replace(found, history=history, gaps=(*found.gaps, *asking.gaps))


def _observed(instance: JenkinsInstance, policy: TwoFactorPolicy | None, asking: Asking) -> InstanceReport:
    if not asking.directly:
        return _fallen_back(instance, policy, asking, Gap("Jenkins itself", "--recorded: only the operator's records were read"))
    if instance.spec.access is Access.PROBE_ONLY:
        return _fallen_back(
            instance, policy, asking, Gap("settings", "access is ProbeOnly: disk, memory, live flag and factors are not read")
        )
    try:
        return _probed(instance, policy, asking.sources.connect(instance), asking)
    except JenkinsError as problem:
        gap = Gap("Jenkins itself", f"{problem.reason}: {problem}")
    except KubernetesError as problem:
        gap = Gap("Jenkins itself", f"its Secret could not be read: {problem}")
    except Exception as problem:  # an unexpected error costs its own row only
        gap = Gap("Jenkins itself", f"InternalError: {type(problem).__name__}")
    return _fallen_back(instance, policy, asking, gap)


def _fallen_back(instance: JenkinsInstance, policy: TwoFactorPolicy | None, asking: Asking, gap: Gap) -> InstanceReport:
    """What the operator recorded, where there is a cluster; else nothing but the reason."""
    body = asking.bodies.get(str(instance.meta.key))
    if body is not None:
        found = recorded(body, instance, policy)
    else:
        found = InstanceReport(
            *_names(instance, policy), nothing_known("NotLookedAt", f"{gap.what}: {gap.why}"), rules=policy_rules(policy)
        )
    return replace(found, gaps=(gap, *found.gaps), risks=risks(found.rules, None, found.proof, asking.now()))


def _probed(instance: JenkinsInstance, policy: TwoFactorPolicy | None, connection: Connection, asking: Asking) -> InstanceReport:
    gaps: list[Gap] = []
    with contextlib.closing(driver_for(connection)) as driver:
        seen = driver.observe(groups=_enforced(policy), users=True, exempt=_exempt(policy))
        made = _probe(driver, seen, gaps)
    outcome = _outcome(instance, policy, connection, seen, made, asking)
    now = asking.now()
    enforced = judge_enforced(outcome, now)
    proof = Proof(enforced, Basis.PROBE, now, judge_drifted(outcome), judge_ready(outcome, enforced))
    rules = seen_rules(seen)
    return InstanceReport(
        *_names(instance, policy),
        proof,
        software=Software(seen.version, seen.plugin.version or "", seen.plugin.edition or ""),
        layers=_layers(seen),
        rules=rules,
        enrolment=seen.enrolment,
        names=_user_names(connection, policy, gaps) if asking.with_names else None,
        differences=_differences(outcome),
        history=_corrections(seen),
        risks=risks(rules, seen, proof, now),
        gaps=(*gaps, *gaps_of(seen)),
    )


def _enforced(policy: TwoFactorPolicy | None) -> frozenset[str]:
    """The groups that are asked for a second factor; none = everyone."""
    return (policy.spec.enforced_groups if policy else None) or frozenset()


def _exempt(policy: TwoFactorPolicy | None) -> frozenset[str]:
    return policy.spec.exempt_groups if policy else frozenset()


def _probe(driver: Driver, seen: Observation, gaps: list[Gap]) -> assess.Proof:
    if not seen.effective:
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
    seen: Observation,
    made: assess.Proof,
    asking: Asking,
) -> Outcome:
    if policy is None:
        return Outcome(instance, None, seen, proof=made)
    cluster = asking.sources.cluster or (seen.owner.cluster if seen.owner else "")
    found = plan_instance(policy, instance, connection, seen, seen.owner.name if seen.owner else None, cluster).assessment
    return Outcome(instance, policy, found, proof=made)


def _differences(outcome: Outcome) -> tuple[str, ...]:
    if outcome.plan is None:
        return ()
    one_each = tuple(describe(tuple(c for c in outcome.plan.changes if c.path == path)) for path in outcome.plan.paths)
    return (*one_each, *(f"{one.path}: unsupported: {one.message}" for one in outcome.plan.unsupported))


def _corrections(seen: Observation) -> tuple[Happening, ...]:
    return tuple(
        Happening(time, "Corrected", f"drift of {path} was corrected (Jenkins' own record)")
        for path, times in seen.corrections.items()
        for time in times
    )


def _layers(seen: Observation) -> Layers:
    disk, memory = (layer.enabled if layer else None for layer in (seen.disk, seen.memory))
    return Layers(disk, memory, bool(seen.live), _gate(seen))


def _gate(seen: Observation) -> str:
    if seen.gate.installed == 0:
        return "absent"
    if seen.gate.foreign or seen.gate.installed > 1 or seen.gate.position != 0:
        return "out of place"
    return "in place"


def _user_names(connection: Connection, policy: TwoFactorPolicy | None, gaps: list[Gap]) -> tuple[str, ...] | None:
    with contextlib.closing(Console(connection)) as console:
        try:
            groups, exempt = sorted(_enforced(policy)), sorted(_exempt(policy))
            answer = console.run("not_enrolled", most=MOST_NAMES, groups=groups, exempt=exempt)
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
