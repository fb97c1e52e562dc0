"""Metrics of each instance and policy: from its status, and from what reconciles have counted. The series end with the object.

A replica without the Lease exports none of them, so that a sum over replicas counts each instance once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, STALLED, TRUE, condition_of
from jenkins2fa.core.assess import Outcome, Proof, enforcement_desired
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.summary import summary_of

Body = Mapping[str, Any]
NAMED = ("jenkins_namespace", "jenkins")
GOVERNED = (*NAMED, "policy_namespace", "policy")
VALUES = {TRUE: 1.0, FALSE: 0.0}  # everything else is -1


@dataclass(slots=True)
class Facts:
    """What reconciles have learnt about one instance since the process began. Times are Unix times in seconds; None = not known."""

    uid: str
    enforcement_desired: bool = False
    reconciled_at: float = 0.0
    verified_at: float | None = None
    drifting: bool = False
    drift_found: int = 0
    drift_corrected: int = 0
    changes_undone: int = 0
    refused: str | None = None
    break_glass_open: bool = False
    users: tuple[int, int, int] | None = None  # enrolled, not enrolled, exempt
    locked_out: int | None = None
    wrong_answers: int = 0
    limited_answers: int = 0
    answers: tuple[str, int, int] = ("", 0, 0)  # session of the run of Jenkins that counts them, and its two counts


class Tally:
    """The facts of every instance. Thread-safe. ``on_failure`` and ``on_refusal`` are called with the reason."""

    def __init__(self, on_failure: Callable[[str], None], on_refusal: Callable[[str], None]) -> None:
        self._on_failure, self._on_refusal = on_failure, on_refusal
        self._lock = threading.Lock()
        self._facts: dict[Key, Facts] = {}

    def note(self, outcome: Outcome, now: datetime) -> None:
        """Record a reconcile. Drift counts once until it is gone, and a refusal once until its reason changes."""
        with self._lock:
            facts = self._of(outcome)
            facts.reconciled_at = now.timestamp()
            desired = enforcement_desired(outcome)
            facts.enforcement_desired = facts.enforcement_desired if desired is None else desired
            if outcome.mode is Mode.SUSPENDED:
                return
            if outcome.failure is not None:
                self._on_failure(outcome.failure.reason)
                facts.changes_undone += outcome.failure.reason == Reason.CHANGE_UNDONE
            else:
                facts.verified_at = now.timestamp() if outcome.proof is Proof.CHALLENGED else facts.verified_at
            if outcome.observation is not None:
                self._note_observation(facts, outcome, outcome.observation, now)

    def _note_observation(self, facts: Facts, outcome: Outcome, observation: Observation, now: datetime) -> None:
        facts.break_glass_open = observation.break_glass_open(now)
        facts.locked_out = None if "gate" in observation.damaged else observation.gate.locked_out
        self._note_answers(facts, observation)
        drifting = outcome.drift and outcome.plan is not None and bool(outcome.plan.changes)
        facts.drift_found += (drifting or bool(outcome.corrected)) and not facts.drifting
        facts.drift_corrected += bool(outcome.corrected)
        facts.drifting = drifting
        refused = outcome.refusal.reason if outcome.refusal else None
        if refused is not None and refused != facts.refused:
            self._on_refusal(refused)
        facts.refused = refused
        users = observation.enrolment
        facts.users = (users.total - users.not_enrolled, users.not_enrolled, users.exempt) if users else None  # old counts would mislead

    @staticmethod
    def _note_answers(facts: Facts, observation: Observation) -> None:
        """Add what is new in Jenkins' own counts, which start from zero after each restart."""
        session, wrong, limited = facts.answers
        gate, same = observation.gate, session == observation.session
        facts.wrong_answers += max(0, gate.wrong_answers - (wrong if same else 0))
        facts.limited_answers += max(0, gate.limited_answers - (limited if same else 0))
        facts.answers = (observation.session, gate.wrong_answers, gate.limited_answers)

    def forget(self, key: Key) -> None:
        with self._lock:
            self._facts.pop(key, None)

    def of(self, key: Key, uid: str) -> Facts | None:
        with self._lock:
            facts = self._facts.get(key)
            return facts if facts is not None and facts.uid == uid else None

    def _of(self, outcome: Outcome) -> Facts:
        meta = outcome.instance.meta
        facts = self._facts.get(meta.key)
        if facts is None or facts.uid != meta.uid:
            facts = self._facts[meta.key] = Facts(meta.uid)
        return facts


class InstanceMetrics(Collector):
    """``bodies``: all instances as last seen or written; ``leading``: whether this replica exports them."""

    def __init__(self, bodies: Callable[[], list[Body]], tally: Tally, leading: Callable[[], bool]) -> None:
        self._bodies, self._tally, self._leading = bodies, tally, leading

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if not self._leading():
            return
        bodies = self._bodies()
        yield from _from_status(bodies)
        yield from _counted(bodies)
        known = []
        for body in bodies:
            facts = self._tally.of(_key(body), str(body["metadata"].get("uid") or ""))
            if facts is not None:
                known.append((_names(body), facts))
        yield from _from_facts(known)


def _from_status(bodies: list[Body]) -> Iterator[Metric]:
    enforced = GaugeMetricFamily("jenkins2fa_instance_enforced", "Condition Enforced: 1 True, 0 False, -1 Unknown", labels=GOVERNED)
    conditions = GaugeMetricFamily(
        "jenkins2fa_instance_condition", "The present conditions; always 1", labels=(*NAMED, "type", "status", "reason")
    )
    since = GaugeMetricFamily(
        "jenkins2fa_instance_drift_since_timestamp_seconds", "Since when there is drift; only while there is", labels=NAMED
    )
    for body in bodies:
        by_type = {condition["type"]: condition for condition in (body.get("status") or {}).get("conditions") or ()}
        names, policy = _names(body), _policy(body)
        if policy is not None:
            enforced.add_metric((*names, *policy), VALUES.get(summary_of(body).enforced, -1.0))
        for kind in (READY, STALLED, ENFORCED, DRIFTED):
            if kind in by_type:
                conditions.add_metric((*names, kind, by_type[kind]["status"], by_type[kind]["reason"]), 1)
        drifted = by_type.get(DRIFTED) or {}
        if drifted.get("status") == TRUE and drifted.get("lastTransitionTime"):
            since.add_metric(names, datetime.fromisoformat(drifted["lastTransitionTime"]).timestamp())
    yield from (enforced, conditions, since)


def _counted(bodies: list[Body]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "jenkins2fa_instances", "Instances of a namespace, by whether a policy governs them", labels=("jenkins_namespace", "managed")
    )
    counts = Counter((body["metadata"]["namespace"], _policy(body) is not None) for body in bodies)
    for namespace in sorted({namespace for namespace, _ in counts}):
        for managed in (True, False):
            family.add_metric((namespace, str(managed).lower()), counts[namespace, managed])
    yield family


def _from_facts(known: list[tuple[tuple[str, str], Facts]]) -> Iterator[Metric]:
    gauges: tuple[tuple[str, str, Callable[[Facts], float | None]], ...] = (
        ("enforcement_desired", "1 while the policy asks for enforcement now", lambda facts: float(facts.enforcement_desired)),
        ("last_reconcile_timestamp_seconds", "When the last reconcile ended", lambda facts: facts.reconciled_at),
        (
            "last_verified_timestamp_seconds",
            "When a reconcile last had a valid proof: a challenged probe",
            lambda facts: facts.verified_at,
        ),
        ("break_glass_open", "1 while break-glass is open", lambda facts: float(facts.break_glass_open)),
        ("locked_out_users", "Users whom the plugin does not let answer now, after wrong answers", lambda facts: facts.locked_out),
        ("drift_open", "1 while the controller differs from what was confirmed there", lambda facts: float(facts.drifting)),
    )
    for name, text, value in gauges:
        gauge = GaugeMetricFamily(f"jenkins2fa_instance_{name}", text, labels=NAMED)
        for names, facts in known:
            if (number := value(facts)) is not None:
                gauge.add_metric(names, number)
        yield gauge
    counters: tuple[tuple[str, str, Callable[[Facts], int]], ...] = (
        ("drift_found", "Times that drift was found", lambda facts: facts.drift_found),
        ("drift_corrected", "Times that drift was corrected", lambda facts: facts.drift_corrected),
        ("changes_undone", "Changes that were begun and undone", lambda facts: facts.changes_undone),
        ("wrong_answers", "Wrong answers to a second factor", lambda facts: facts.wrong_answers),
        ("limited_answers", "Answers and mails that the gate refused because there were too many", lambda facts: facts.limited_answers),
    )
    for name, text, count in counters:
        counter = CounterMetricFamily(f"jenkins2fa_instance_{name}", text, labels=NAMED)
        for names, facts in known:
            counter.add_metric(names, count(facts))
        yield counter
    yield _users(known)


def _users(known: list[tuple[tuple[str, str], Facts]]) -> Metric:
    family = GaugeMetricFamily(
        "jenkins2fa_instance_users", "Users, by whether they have a second factor; only after they were counted", labels=(*NAMED, "state")
    )
    for names, facts in known:
        for state, number in zip(("enrolled", "not_enrolled", "exempt"), facts.users or (), strict=False):
            family.add_metric((*names, state), number)
    return family


def _key(body: Body) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def _names(body: Body) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _policy(body: Body) -> tuple[str, str] | None:
    policy = (body.get("status") or {}).get("policy") or {}
    return (policy.get("namespace", ""), policy["name"]) if policy.get("name") else None


class PolicyMetrics(Collector):
    """``bodies``: all policies as last seen or written; ``leading``: whether this replica exports them."""

    def __init__(self, bodies: Callable[[], list[Mapping[str, Any]]], leading: Callable[[], bool]) -> None:
        self._bodies, self._leading = bodies, leading

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if not self._leading():
            return
        labels = ("policy_namespace", "policy", "type", "status", "reason")
        family = GaugeMetricFamily("jenkins2fa_policy_condition", "The present conditions of policies; always 1", labels=labels)
        for body in self._bodies():
            names = (body["metadata"].get("namespace", ""), body["metadata"]["name"])  # a cluster policy has no namespace
            for condition in (condition_of(body, READY), condition_of(body, STALLED)):
                if condition is not None:
                    family.add_metric((*names, condition.type, condition.status, condition.reason), 1)
        yield family
