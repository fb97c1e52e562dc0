"""The report as OpenReports (``openreports.io/v1alpha1``): one ``Report`` for each namespace, for dashboards that read them.

Facts from the API's published reference: results are pass, fail, warn, error or skip; a result needs ``policy``; a timestamp has seconds
and nanos; properties are texts.
"""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import Any

import yaml

from jenkins2fa.api.instance import KIND
from jenkins2fa.api.meta import API_VERSION
from jenkins2fa.api.policy import Assurance
from jenkins2fa.api.status import FALSE, TRUE, Condition
from jenkins2fa.core.factors.strength import below_aal2
from jenkins2fa.core.report.document import InstanceReport, Report, report_digest

SOURCE = "jenkins2fa"
NAME = "jenkins2fa"
CATEGORY = "Two-factor authentication"
RESULTS = ("pass", "fail", "warn", "error", "skip")
SEVERITIES = {"fail": "high", "error": "medium", "warn": "medium"}


def as_openreports(report: Report) -> str:
    """YAML documents for ``kubectl apply``. Counts, never user names."""
    digest = report_digest(report)
    spaces = sorted({one.namespace or "default" for one in report.instances})
    return yaml.safe_dump_all((_report(report, space, digest) for space in spaces), sort_keys=False, allow_unicode=True, width=1000)


def _report(report: Report, namespace: str, digest: str) -> dict[str, Any]:
    results = [row for one in report.instances if (one.namespace or "default") == namespace for row in _results(one, report, digest)]
    return {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": SOURCE}},
        "source": SOURCE,
        "summary": {result: sum(row["result"] == result for row in results) for result in RESULTS},
        "results": results,
    }


def _results(one: InstanceReport, report: Report, digest: str) -> list[dict[str, Any]]:
    proof = one.proof
    rows = [
        ("enforced", _enforced(one, asked=report.asked), f"{proof.enforced.reason}: {proof.enforced.message}"),
        (
            "as-the-policy-says",
            _drift(proof.drifted),
            f"{proof.drifted.reason}: {proof.drifted.message}" if proof.drifted else "not compared",
        ),
    ]
    if one.rules is not None and one.rules.factors:
        low = below_aal2(one.rules.factors)
        text = f"below AAL2: {', '.join(factor.value for factor in low)}" if low else f"every factor can reach {Assurance.AAL2.value}"
        rows.append(("factor-strength", "warn" if low else "pass", text))
    return [_row(one, report.made, digest, *row) for row in rows]


def _row(one: InstanceReport, made: datetime, digest: str, rule: str, result: str, message: str) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "policy": one.policy or "none",
        "rule": rule,
        "category": CATEGORY,
        "severity": SEVERITIES.get(result, "info"),
        "timestamp": {"seconds": calendar.timegm(made.utctimetuple()), "nanos": 0},
        "result": result,
        "scored": result != "warn",
        "resources": [{"apiVersion": API_VERSION, "kind": KIND, "namespace": one.namespace or "default", "name": one.name}],
        "message": message,
        "properties": {"url": one.url, "basis": one.proof.basis.value, "jsonSha256": digest},
    }


def _enforced(one: InstanceReport, *, asked: bool) -> str:
    enforced = one.proof.enforced
    if one.policy is None or enforced.reason == "Off":
        return "skip"
    if one.recorded and asked:
        return "error"  # it was asked, and this could not be evaluated now
    return {TRUE: "pass", FALSE: "fail"}.get(enforced.status, "error")


def _drift(drifted: Condition | None) -> str:
    if drifted is None or drifted.reason == "NoPolicy":
        return "skip"
    return {FALSE: "pass", TRUE: "fail"}.get(drifted.status, "error")
