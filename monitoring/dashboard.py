"""The Grafana dashboard as data: rows of panels, each panel a title, a unit and its queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMED = 'jenkins_namespace=~"$namespace"'
BY = "by (jenkins_namespace, jenkins)"
LEGEND = "{{jenkins_namespace}}/{{jenkins}}"
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Panel:
    """``queries``: (expression, legend). ``kind``: timeseries or stat. ``width`` of 24."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    description: str = ""


def quantiles(metric: str, by: str = "", legend: str = "") -> tuple[tuple[str, str], ...]:
    """The median and the 95th percentile of a histogram."""
    group = f"le, {by}" if by else "le"
    return tuple(
        (f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket[$__rate_interval])))", f"{legend}p{int(share * 100)}".strip())
        for share in (0.5, 0.95)
    )


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "In force",
        (
            Panel("Enforced", ((f"sum(jenkins2fa_instance_enforced{{{NAMED}}} == 1) or vector(0)", "enforced"),), kind="stat", width=4),
            Panel(
                "Required, not enforced",
                (
                    (
                        f"count(max {BY} (jenkins2fa_instance_enforcement_desired{{{NAMED}}}) == 1 unless on (jenkins_namespace, jenkins) "
                        f"max {BY} (jenkins2fa_instance_enforced{{{NAMED}}}) == 1) or vector(0)",
                        "not enforced",
                    ),
                ),
                kind="stat",
                width=4,
            ),
            Panel(
                "Without a policy",
                ((f'sum(jenkins2fa_instances{{{NAMED}, managed="false"}}) or vector(0)', "unmanaged"),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Break-glass open", ((f"sum(jenkins2fa_instance_break_glass_open{{{NAMED}}}) or vector(0)", "open"),), kind="stat", width=4
            ),
            Panel("Leading replicas", (("sum(jenkins2fa_leader)", "leaders"),), kind="stat", width=4, description="Must be one."),
            Panel("Version", (("sum by (version) (jenkins2fa_build_info)", "{{version}}"),), kind="stat", width=4),
            Panel(
                "Enforced by instance",
                ((f"max {BY} (jenkins2fa_instance_enforced{{{NAMED}}})", LEGEND),),
                width=12,
                description="1 in force and proven, 0 not in force, -1 unknown",
            ),
            Panel(
                "Since the last proof",
                ((f"time() - max {BY} (jenkins2fa_instance_last_verified_timestamp_seconds{{{NAMED}}})", LEGEND),),
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Drift and changes",
        (
            Panel(
                "Drift found and corrected",
                (
                    (f"sum(increase(jenkins2fa_instance_drift_found_total{{{NAMED}}}[$__rate_interval]))", "found"),
                    (f"sum(increase(jenkins2fa_instance_drift_corrected_total{{{NAMED}}}[$__rate_interval]))", "corrected"),
                ),
                width=6,
            ),
            Panel(
                "Age of open drift",
                ((f"time() - max {BY} (jenkins2fa_instance_drift_since_timestamp_seconds{{{NAMED}}})", LEGEND),),
                unit="s",
                width=6,
            ),
            Panel("Trials", (("sum by (outcome) (increase(jenkins2fa_trials_total[$__rate_interval]))", "{{outcome}}"),), width=6),
            Panel(
                "Weakened by a change",
                (("sum by (path) (increase(jenkins2fa_weakenings_total[$__rate_interval])) > 0", "{{path}}"),),
                width=6,
                description="Fields by which a change weakened protection; also break-glass and deletionPolicy",
            ),
            Panel(
                "Refused by the guard", (("sum by (reason) (increase(jenkins2fa_guard_refusals_total[$__rate_interval]))", "{{reason}}"),)
            ),
            Panel(
                "Failures of controllers",
                (("sum by (reason) (rate(jenkins2fa_failures_total[$__rate_interval]))", "{{reason}}"),),
                unit="ops",
            ),
            Panel(
                "Users before the first enforcement",
                ((f"sum by (state) (jenkins2fa_instance_users{{{NAMED}}})", "{{state}}"),),
            ),
        ),
    ),
    (
        "The operator",
        (
            Panel(
                "Reconciles",
                (("sum by (kind, result) (rate(jenkins2fa_reconciles_total[$__rate_interval]))", "{{kind}} {{result}}"),),
                unit="ops",
            ),
            Panel("Reconcile duration", quantiles("jenkins2fa_reconcile_duration_seconds"), unit="s"),
            Panel("Duration by step", quantiles("jenkins2fa_step_duration_seconds", "step", "{{step}} ")[1:], unit="s"),
            Panel(
                "Requests to Jenkins",
                (("sum by (outcome) (rate(jenkins2fa_jenkins_requests_total[$__rate_interval]))", "{{outcome}}"),),
                unit="ops",
            ),
            Panel("Request duration", quantiles("jenkins2fa_jenkins_request_duration_seconds"), unit="s"),
            Panel("Queue", (("sum by (state) (jenkins2fa_queue_keys)", "{{state}}"),)),
            Panel(
                "Wait in the queue",
                (*quantiles("jenkins2fa_queue_wait_seconds"), ("max(jenkins2fa_queue_oldest_wait_seconds)", "oldest that is due")),
                unit="s",
            ),
            Panel("CPU", (("sum(rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) jenkins2fa_leader)", "cores"),)),
            Panel("Memory", (("max(process_resident_memory_bytes and on (job, instance) jenkins2fa_leader)", "resident"),), unit="bytes"),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The document that Grafana imports (schema 39: Grafana 10 and newer)."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append(_row(title, top, len(panels) + 1))
        top, left, tallest = top + 1, 0, 0
        for panel in row:
            height = 4 if panel.kind == "stat" else 8
            if left + panel.width > 24:
                top, left, tallest = top + tallest, 0, 0
            panels.append(_panel(panel, len(panels) + 1, {"h": height, "w": panel.width, "x": left, "y": top}))
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest
    return {
        "uid": "jenkins-2fa-operator",
        "title": "Jenkins two-factor authentication",
        "tags": ["jenkins", "security"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _namespace()]},
        "panels": panels,
    }


def _row(title: str, top: int, number: int) -> dict[str, Any]:
    return {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend, "datasource": SOURCE}
        for index, (expression, legend) in enumerate(panel.queries)
    ]
    options = {"textMode": "name"} if panel.title == "Version" else {}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": options,
        "targets": targets,
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}


def _namespace() -> dict[str, Any]:
    query = "label_values(jenkins2fa_instances, jenkins_namespace)"
    return {
        "name": "namespace",
        "type": "query",
        "label": "Namespace",
        "datasource": SOURCE,
        "query": query,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
    }
