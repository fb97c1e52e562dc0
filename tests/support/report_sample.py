"""A sample report: one instance is proven, one off, one only recorded as proven, one unreachable. The picture in the docs shows it.

To make docs/images/report.png again, from the checkout (PYTHONPATH=operator:.):
    python -m tests.support.report_sample /tmp/report.html
    chromium --headless --no-sandbox --hide-scrollbars --window-size=1100,1260 --screenshot=docs/images/report.png /tmp/report.html
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jenkins2fa.api.policy import Factor
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, TRUE, Condition
from jenkins2fa.cli.report.html import as_html
from jenkins2fa.core.observation import Enrolment
from jenkins2fa.core.report.document import (
    Basis,
    BreakGlassReport,
    Gap,
    InstanceReport,
    Layers,
    PastEvent,
    Report,
    ReportedProof,
    Rules,
    Software,
    unknown_proof,
)
from jenkins2fa.core.report.risks import risks

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGREE = "disk, memory, live flag and factors agree, and a probe was challenged"
RULES = Rules(
    "Jenkins",
    frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS}),
    None,
    frozenset({"service-accounts"}),
    "Exempt",
    "a second factor not older than 15m",
)
PROVEN = ReportedProof(
    Condition(ENFORCED, TRUE, "Probed", AGREE),
    Basis.PROBE,
    NOW,
    Condition(DRIFTED, FALSE, "NoDrift", "Jenkins is as the policy says"),
    Condition(READY, TRUE, "InForce", AGREE),
)
OFF = ReportedProof(
    Condition(ENFORCED, FALSE, "NotActive", "two-factor authentication is off in the filter (live flag), though the settings say on"),
    Basis.PROBE,
    NOW,
    Condition(DRIFTED, TRUE, "Differs", "Jenkins differs from the policy: mode is off (live), should be on"),
    Condition(READY, TRUE, "Reported", "driftPolicy is Report: nothing is written; differing: mode is off (live), should be on"),
)
TOLD = ReportedProof(
    Condition(ENFORCED, TRUE, "Probed", AGREE), Basis.STATUS, NOW - timedelta(days=3), ready=Condition(READY, TRUE, "InForce", AGREE)
)
WEAK = Rules(
    "Jenkins",
    frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS}),
    None,
    frozenset(),
    "the plugin's own rule",
    "not asked",
)
ASKED = Rules("Policy", frozenset({Factor.EMAIL_OTP}), None, frozenset(), "the plugin's own rule", "not asked")

BUILD = InstanceReport(
    "team-a",
    "build",
    "https://build.example.com/ci/",
    "platform/baseline",
    PROVEN,
    Software("2.541.3", "1.2.0", "Free"),
    Layers(True, True, True, "in place"),
    RULES,
    Enrolment(total=120, not_enrolled=4, administrators=3, by_factor={Factor.SECURITY_QUESTIONS: 31, Factor.EMAIL_OTP: 104}),
    history=(
        PastEvent(NOW - timedelta(minutes=18), "DriftCorrected", "enforcement was off in memory, and is on again", 2),
        PastEvent(NOW - timedelta(minutes=40), "Applied", "policy platform/baseline was applied"),
    ),
    risks=risks(RULES, None, PROVEN, NOW),
)
RELEASE = InstanceReport(
    "team-a",
    "release",
    "https://release.example.com/",
    "team-a/release",
    OFF,
    Software("2.541.3", "1.2.0", "Free"),
    Layers(True, True, False, "absent"),
    WEAK,
    Enrolment(
        total=14,
        not_enrolled=8,
        administrators=2,
        administrators_not_enrolled=1,
        by_factor={Factor.SECURITY_QUESTIONS: 0, Factor.EMAIL_OTP: 6},
    ),
    differences=("mode is off (live), should be on",),
    risks=risks(WEAK, None, OFF, NOW),
)
LEGACY = InstanceReport(
    "team-b",
    "legacy",
    "https://legacy.example.com/",
    "team-b/mail",
    TOLD,
    Software("2.504.1", "1.2.0", "Free"),
    rules=ASKED,
    risks=risks(ASKED, None, TOLD, NOW),
    gaps=(
        Gap("Jenkins itself", "Unreachable: legacy.example.com does not answer within 3 s"),
        Gap("layers and enrolment", "the operator's status does not keep them"),
    ),
)
LOST = InstanceReport(
    "team-b",
    "lost",
    "https://lost.example.com/",
    None,
    unknown_proof("NotObserved", "Jenkins itself: Unauthorized"),
    gaps=(Gap("Jenkins itself", "Unauthorized: Jenkins refused the user name or API token (401)"),),
)
MAIL_OUTAGE = BreakGlassReport(
    "team-a",
    "mail-outage",
    "INC-1234: the mail server is down",
    "Expired",
    is_open=False,
    expires_at=NOW - timedelta(days=4),
    opened_at=NOW - timedelta(days=4, minutes=45),
    closed_at=NOW - timedelta(days=4),
    instances=("team-a/build",),
    opened=1,
)
UNUSED = BreakGlassReport(
    "team-b", "drill", "Drill of 2026-11-01", "Expired", is_open=False, expires_at=NOW - timedelta(days=23), instances=("team-b/legacy",)
)
REPORT = Report(NOW, "0.1.0", "cluster, all namespaces", (BUILD, RELEASE, LEGACY, LOST), break_glasses=(MAIL_OUTAGE, UNUSED))

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_html(REPORT), encoding="utf-8")
