"""The report as JSON, and its digest.

``schemas/report.json`` describes the JSON. Within version 1, fields are only added.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from jenkins2fa.api.fields import format_time
from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN, Condition
from jenkins2fa.core.factors.strength import STANDARD, STRENGTHS, describe, in_order
from jenkins2fa.core.observation import Enrolment
from jenkins2fa.core.report.document import BreakGlassReport, InstanceReport, Report, Rules
from jenkins2fa.core.settings import HELD_FACTORS

FORMAT = "jenkins2fa.dev/report/v1"


def report_json(report: Report) -> str:
    """The report as JSON. The same report gives the same bytes; they end with a newline."""
    return json.dumps(_document(report), indent=2, ensure_ascii=False) + "\n"


def report_digest(report: Report) -> str:
    """SHA-256 of :func:`report_json` in UTF-8, as ``sha256sum report.json`` prints it."""
    return hashlib.sha256(report_json(report).encode()).hexdigest()


def _document(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made": format_time(report.made),
        "operatorVersion": report.version,
        "source": report.source,
        "summary": {
            "instances": len(report.instances),
            "proven": report.count(TRUE),
            "recordedAsProven": report.recorded,
            "notEnforced": report.count(FALSE),
            "notProven": report.count(UNKNOWN),
            "drifted": report.drifted,
        },
        "standard": STANDARD,
        "notes": list(report.notes),
        "instances": [_instance(instance) for instance in report.instances],
        "breakGlasses": None if report.break_glasses is None else [_break_glass(break_glass) for break_glass in report.break_glasses],
    }


def _instance(instance: InstanceReport) -> dict[str, Any]:
    return {
        "namespace": instance.namespace,
        "name": instance.name,
        "url": instance.url,
        "policy": instance.policy,
        "state": instance.proof.summary.reason,
        "proof": {
            "enforced": _condition(instance.proof.enforced),
            "drifted": instance.proof.drifted and _condition(instance.proof.drifted),
            "basis": instance.proof.basis.value,
            "at": _time(instance.proof.at),
        },
        "jenkins": {"version": instance.software.jenkins, "pluginVersion": instance.software.plugin, "edition": instance.software.edition},
        "layers": instance.layers and {name: getattr(instance.layers, name) for name in ("disk", "memory", "live", "gate")},
        "rules": instance.rules and _rules(instance.rules),
        "enrolment": instance.enrolment and _enrolment(instance.enrolment),
        **({} if instance.names is None else {"notEnrolledNames": list(instance.names)}),
        "differences": list(instance.differences),
        "history": [
            {"at": _time(event.at), "reason": event.reason, "message": event.message, "count": event.count} for event in instance.history
        ],
        "residualRisks": list(instance.risks),
        "notChecked": [{"what": gap.what, "why": gap.why} for gap in instance.gaps],
    }


def _break_glass(break_glass: BreakGlassReport) -> dict[str, Any]:
    return {
        "namespace": break_glass.namespace,
        "name": break_glass.name,
        "reason": break_glass.reason,
        "state": break_glass.state,
        "open": break_glass.is_open,
        "openedAt": _time(break_glass.opened_at),
        "closedAt": _time(break_glass.closed_at),
        "expiresAt": _time(break_glass.expires_at),
        "instances": list(break_glass.instances),
        "mostOpen": break_glass.opened,
    }


def _rules(rules: Rules) -> dict[str, Any]:
    return {
        "by": rules.by,
        "factors": [
            {
                "name": factor.value,
                "reaches": STRENGTHS[factor].reach.value,
                "condition": STRENGTHS[factor].condition,
                "phishingResistant": STRENGTHS[factor].phishing_resistant,
                "section": STRENGTHS[factor].section,
            }
            for factor in in_order(rules.factors)
        ],
        "strength": describe(rules.factors),
        "enforcedGroups": None if rules.enforced_groups is None else sorted(rules.enforced_groups),
        "exemptGroups": sorted(rules.exempt_groups),
        "apiTokens": rules.api_tokens,
        "builds": rules.builds,
    }


def _enrolment(users: Enrolment) -> dict[str, int]:
    return {
        "users": users.total,
        "enrolled": users.total - users.not_enrolled,
        "notEnrolled": users.not_enrolled,
        "exempt": users.exempt,
        "unknownToRealm": users.unknown,
        **{HELD_FACTORS[factor]: count for factor, count in users.by_factor.items()},
        "withoutAddress": users.without_address,
        "administrators": users.administrators,
        "administratorsNotEnrolled": users.administrators_not_enrolled,
    }


def _condition(condition: Condition) -> dict[str, str]:
    return {"status": condition.status, "reason": condition.reason, "message": condition.message}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
