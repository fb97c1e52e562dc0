"""Each alert fires for its failure and no other: a recorded scrape with one failure, evaluated by Prometheus' own engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.promql import Course, Labels, Line, evaluate, fires, lines_of

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = yaml.safe_load((CHECKOUT / "monitoring" / "rules.yaml").read_text())["groups"][0]["rules"]
RECORDED = (CHECKOUT / "tests" / "cluster" / "recorded_metrics.txt").read_text()
HOURS = 3 * 3600
WRONG = 1800  # seconds; when the failure begins
LONG = {"Suspended": 26 * 3600}  # alerts with a longer duration
Change = Callable[[Line], Line | None]


def usual(labels: Labels, value: float) -> Line:
    """The series of a healthy operator: counters grow by at most one a minute, as reconciles do, and proofs stay fresh."""
    name = labels["__name__"]
    if name == "jenkins2fa_instance_last_verified_timestamp_seconds":
        return Line(labels, float)
    if name in ("jenkins2fa_reconciles_total", "jenkins2fa_queue_wait_seconds_bucket", "jenkins2fa_queue_wait_seconds_count"):
        return Line(labels, lambda at: value + at / 60)
    return Line(labels, lambda _: value)


def from_then(course: Course, wrong: Course) -> Course:
    return lambda at: course(at) if at < WRONG else wrong(at)


def becomes(name: str, wrong: Course, **labels: str) -> Change:
    return lambda line: replace(line, course=from_then(line.course, wrong)) if line.is_(name, **labels) else line


def gone(name: str) -> Change:
    return becomes(name, lambda at: None)


def seconds_of(text: str) -> int:
    found = re.fullmatch(r"(\d+)([mh])", text)
    assert found, text
    return int(found[1]) * {"m": 60, "h": 3600}[found[2]]


def grows(line: Line, each: int, most: int) -> Line:
    return replace(line, course=lambda at: (line.course(at) or 0) + min(most, max(0, at - WRONG) // each))


def growing(name: str, each: int, most: int) -> Change:
    return lambda line: grows(line, each, most) if line.is_(name) else line


def slow(line: Line) -> Line | None:
    """From then on every reconcile waits for a minute, so the buckets below stop growing."""
    if line.is_("jenkins2fa_queue_wait_seconds_bucket") and float(line.labels["le"]) < 60:
        return replace(line, course=lambda at: line.course(min(at, WRONG)))
    return line


TROUBLES: dict[str, tuple[Change, set[str]]] = {
    "NotEnforced": (becomes("jenkins2fa_instance_enforced", lambda _: 0.0), set()),
    "Unverified": (becomes("jenkins2fa_instance_last_verified_timestamp_seconds", lambda _: float(WRONG)), set()),
    "Flapping": (growing("jenkins2fa_instance_drift_corrected_total", 600, 9), set()),
    "BreakGlassOpen": (becomes("jenkins2fa_instance_break_glass_open", lambda _: 1.0), set()),
    "ChangesUndone": (growing("jenkins2fa_instance_changes_undone_total", 300, 9), set()),
    "NoOperator": (gone("jenkins2fa_leader"), set()),
    "QueueSlow": (slow, set()),
    "Unmanaged": (becomes("jenkins2fa_instances", lambda _: 1.0, managed="false"), set()),
}
NAMED = next({name: labels[name] for name in ("jenkins_namespace", "jenkins")} for labels, _ in lines_of(RECORDED) if "policy" in labels)
EXTRA: dict[str, Line] = {  # series that a healthy operator does not have
    "DriftOpen": Line(
        {"__name__": "jenkins2fa_instance_drift_since_timestamp_seconds", **NAMED}, lambda at: WRONG if at >= WRONG else None
    ),
    "Stalled": Line(
        {"__name__": "jenkins2fa_instance_condition", **NAMED, "type": "Stalled", "status": "True", "reason": "Unauthorized"},
        lambda at: 1.0 if at >= WRONG else None,
    ),
    "RolloutStopped": Line(
        {
            "__name__": "jenkins2fa_policy_condition",
            "policy_namespace": "record-1",
            "policy": "baseline",
            "type": "Ready",
            "status": "False",
            "reason": "RolloutStopped",
        },
        lambda at: 1.0 if at >= WRONG else None,
    ),
    "Suspended": Line(
        {"__name__": "jenkins2fa_instance_condition", **NAMED, "type": "Ready", "status": "True", "reason": "Suspended"},
        lambda at: 1.0 if at >= WRONG and at % 36000 else None,  # a restart of the operator does not end the failure
    ),
    "ReconcilesFailing": Line(
        {"__name__": "jenkins2fa_reconciles_total", "kind": "instance", "result": "crashed"}, lambda at: max(0, at - WRONG) / 30
    ),
}


def firing(lines: list[Line], end: int = HOURS) -> dict[str, list[Labels]]:
    """Firing alerts by name, without the prefix."""
    results = evaluate(lines, [rule["expr"] for rule in RULES], end)
    told = {
        rule["alert"].removeprefix("JenkinsTwoFactor"): fires(result, seconds_of(rule.get("for", "0m")))
        for rule, result in zip(RULES, results, strict=True)
    }
    return {name: labels for name, labels in told.items() if labels}


def healthy() -> list[Line]:
    return [usual(labels, value) for labels, value in lines_of(RECORDED) if labels["__name__"].startswith("jenkins2fa_")]


def test_no_alert_fires_for_a_healthy_operator() -> None:
    assert firing(healthy()) == {}


@pytest.mark.parametrize("name", sorted(rule["alert"].removeprefix("JenkinsTwoFactor") for rule in RULES))
def test_each_failure_fires_only_its_own_alert(name: str) -> None:
    if name in EXTRA:
        lines = [*healthy(), EXTRA[name]]
    else:
        change = TROUBLES[name][0]
        lines = [changed for line in healthy() if (changed := change(line)) is not None]
    assert set(firing(lines, LONG.get(name, HOURS))) == {name}


def test_an_alert_waits_for_its_duration() -> None:
    change = TROUBLES["NotEnforced"][0]
    lines = [changed for line in healthy() if (changed := change(line)) is not None]
    assert firing(lines, WRONG + 240) == {}
    assert set(firing(lines, WRONG + 330)) == {"NotEnforced"}


def test_a_suspension_fires_no_alert_for_a_day() -> None:
    assert firing([*healthy(), EXTRA["Suspended"]], WRONG + 23 * 3600) == {}


def test_drift_fires_no_alert_in_audit_mode_and_the_grace_period() -> None:
    """Drifted is True there, but nobody should be paged for something that is not desired yet."""
    not_wanted = becomes("jenkins2fa_instance_enforcement_desired", lambda _: 0.0)
    lines = [changed for line in [*healthy(), EXTRA["DriftOpen"]] if (changed := not_wanted(line)) is not None]
    assert firing(lines) == {}


def test_an_open_break_glass_does_not_fire_not_enforced() -> None:
    lines = healthy()
    for name in ("NotEnforced", "BreakGlassOpen"):
        lines = [changed for line in lines if (changed := TROUBLES[name][0](line)) is not None]
    assert set(firing(lines)) == {"BreakGlassOpen"}


def test_an_alert_names_the_controller() -> None:
    lines = [changed for line in healthy() if (changed := TROUBLES["NotEnforced"][0](line)) is not None]
    assert [set(labels) for labels in firing(lines)["NotEnforced"]] == [{"jenkins_namespace", "jenkins"}]


def test_every_dashboard_query_is_valid() -> None:
    panels = json.loads((CHECKOUT / "monitoring" / "dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    asked = [query.replace("$__rate_interval", "5m").replace("$namespace", ".*") for query in queries]
    lines = [*(usual(labels, value) for labels, value in lines_of(RECORDED)), *EXTRA.values()]
    lines = [replace(line, labels={**line.labels, "job": "operator", "instance": "pod"}) for line in lines]
    empty = [query for query, result in zip(asked, evaluate(lines, asked, 3600), strict=True) if not result]
    absent = (
        "jenkins2fa_guard_refusals_total",
        "jenkins2fa_failures_total",
        "jenkins2fa_instance_users",
        "jenkins2fa_weakenings_total",
    )  # nothing of it in a healthy scrape
    assert [query for query in empty if not any(name in query for name in absent)] == []
