"""The auditors' report as data: what counts as proven, its JSON and digest, and what it never says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jenkins2fa.api.policy import Factor
from jenkins2fa.api.status import ENFORCED, FALSE, TRUE, UNKNOWN, Condition
from jenkins2fa.cli.report.instances import history_of, recorded
from jenkins2fa.core.observation import Enrolment
from jenkins2fa.core.report.break_glass import break_glass_reports
from jenkins2fa.core.report.document import Basis, InstanceReport, Report, ReportedProof, Rules, report_digest, report_json
from jenkins2fa.core.report.risks import gaps_of, risks
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE
from tests.support.literals import BARE, in_force, instance, premium, spec
from tests.support.managed import policy
from tests.support.report_sample import BUILD, LEGACY, LOST, NOW, PROVEN, RELEASE, REPORT

SCHEMA = json.loads((Path(__file__).parents[4] / "schemas" / "report.json").read_text("utf-8"))


def document(report: Report = REPORT) -> Any:
    return json.loads(report_json(report))


def test_the_json_is_as_its_schema_says_and_has_a_place_for_everything() -> None:
    named = Report(NOW, "1", "files", (replace(BUILD, names=("alice",)),))
    for report in (REPORT, named, Report(NOW, "1", "files", ())):
        jsonschema.Draft202012Validator(SCHEMA).validate(document(report))
    assert document()["summary"] == {"instances": 4, "proven": 1, "recordedAsProven": 1, "notEnforced": 1, "notProven": 1, "drifted": 1}


def test_the_digest_is_that_of_the_file_and_changes_with_any_of_it() -> None:
    assert report_digest(REPORT) == hashlib.sha256(report_json(REPORT).encode()).hexdigest()
    others = [
        replace(REPORT, made=NOW + timedelta(seconds=1)),
        replace(REPORT, version="0.1.1"),
        replace(REPORT, instances=REPORT.instances[:3]),
    ]
    others.append(replace(REPORT, instances=(replace(BUILD, risks=()), *REPORT.instances[1:])))
    assert len({report_digest(one) for one in [REPORT, *others]}) == 5


def test_names_are_there_only_when_they_were_asked_for() -> None:
    assert [("notEnrolledNames" in one) for one in document()["instances"]] == [False] * 4
    named = replace(BUILD, names=("alice", "bob"))
    assert document(Report(NOW, "1", "files", (named,)))["instances"][0]["notEnrolledNames"] == ["alice", "bob"]


@pytest.mark.parametrize(
    ("instances", "asked", "proven"),
    [
        ((BUILD,), True, True),
        ((BUILD, LEGACY), True, False),  # recorded, but Jenkins did not answer now
        ((BUILD, LEGACY), False, True),  # recorded, and nobody was asked on purpose
        ((BUILD, RELEASE), True, False),
        ((BUILD, LOST), True, False),
        ((RELEASE, LEGACY), False, False),
        ((), True, False),
    ],
)
def test_all_is_proven_only_when_every_instance_is(instances: tuple[InstanceReport, ...], asked: bool, proven: bool) -> None:
    assert Report(NOW, "1", "x", instances, asked=asked).all_proven is proven


def test_the_sample_shows_only_what_can_be() -> None:
    """The picture in the docs is of it: the free edition has two factors, and groups, builds and tokens by the gate alone."""
    for one in REPORT.instances:
        assert one.software is None or one.software.edition in ("Free", "")
        if one.rules is not None and one.rules.by == "Jenkins":
            assert one.rules.factors <= FREE.base_factors
            if one.layers is None or one.layers.gate == "absent":
                assert (one.rules.enforced_groups, one.rules.exempt_groups) == (None, frozenset())


def test_risks_follow_from_the_observation() -> None:
    desired = spec(exemptGroups=["robots"], enforcedGroups=["admins"])
    observation = replace(in_force(desired), enrolment=Enrolment(10, not_enrolled=3, administrators=2, administrators_not_enrolled=1))
    rules = Rules("Jenkins", frozenset({Factor.SECURITY_QUESTIONS}), frozenset({"admins"}), frozenset({"robots"}), "Exempt")
    text = "\n".join(risks(rules, observation, PROVEN, NOW))
    assert [
        part in text for part in ("Below AAL2", "Only members of admins", "Members of robots", "stolen token", "fresh second factor")
    ] == [True] * 5
    assert "3 of 10 users have no second factor yet (administrators: 1)" in text
    assert [part in text for part in ("not proven", "There is no gate", "break-glass", "Configuration-as-code")] == [False] * 4
    bare = replace(in_force(spec(), BARE), break_glass_until=NOW + timedelta(minutes=1), managed_by_code=True)
    doubt = ReportedProof(Condition(ENFORCED, UNKNOWN, "Unverified", ""), Basis.PROBE)
    text = "\n".join(risks(None, bare, doubt, NOW))
    assert [part in text for part in ("not proven", "There is no gate", "break-glass", "Configuration-as-code")] == [True] * 4


def test_what_jenkins_could_not_tell_is_said() -> None:
    observation = replace(in_force(spec()), damaged=("mailer",), managed_by_code=None)
    assert [gap.what for gap in gaps_of(observation)] == ["mailer", "enrolment", "configuration-as-code"]
    bought = replace(premium(observation), damaged=(), managed_by_code=False, enrolment=Enrolment())
    assert [gap.what for gap in gaps_of(bought)] == ["enrolment in factors of the premium edition"]


def test_a_status_is_reported_as_the_operators_word() -> None:
    conditions = [{"type": ENFORCED, "status": TRUE, "reason": "Probed", "message": "m", "lastTransitionTime": "2026-11-24T10:00:00Z"}]
    status = {
        "observedGeneration": 2,
        "conditions": conditions,
        "jenkins": {"version": "2.541.3", "pluginVersion": "1.2.0", "edition": "Free"},
        "policy": {"namespace": "platform", "name": "baseline", "uid": "u", "generation": 1},
        "fields": [{"path": "mode", "state": "Applied"}, {"path": "rememberDevice", "state": "Unsupported", "message": "not there"}],
    }
    found = recorded({"metadata": {"generation": 3}, "status": status}, instance(), policy())
    assert [found.policy, found.proof.basis, found.proof.at, found.verdict] == [
        "platform/baseline",
        Basis.STATUS,
        NOW - timedelta(hours=2),
        "recorded as proven",
    ]
    assert found.differences == ("rememberDevice: Unsupported: not there",)
    assert [gap.what for gap in found.gaps] == ["the latest change of the instance", "layers and enrolment"]
    new = recorded({"metadata": {"generation": 1}}, instance(), None)
    assert [new.verdict, new.proof.enforced.reason, new.policy] == ["not proven", "NoStatus", None]
    assert recorded({"status": {"conditions": [{**conditions[0], "status": FALSE}]}}, instance(), None).verdict == "not enforced"


NO_STATUS: dict[str, Any] = {}
OPEN_STATUS = {
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Open", "message": "m"},
        {"type": "Open", "status": "True", "reason": "Open", "message": "m"},
    ],
    "openedAt": "2026-11-24T11:30:00Z",
    "instances": {"selected": 1, "open": 1, "refused": 0, "opened": 1},
}
CLOSED_STATUS = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "Closed", "message": "m"}],
    "openedAt": "2026-11-24T10:00:00Z",
    "closedAt": "2026-11-24T10:20:00Z",
    "instances": {"selected": 1, "open": 0, "refused": 0, "opened": 1},
}


def break_glass(name: str, expires: str, status: dict[str, Any], selector: dict[str, Any] | None = None) -> dict[str, Any]:
    spec = {"instanceSelector": selector or {}, "expiresAt": expires, "reason": f"INC-{name}"}
    return {"metadata": {"namespace": "tests", "name": name}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("expires", "status", "state", "is_open", "opened", "until"),
    [
        ("2026-11-24T13:00:00Z", OPEN_STATUS, "Open", True, "11:30", "13:00"),
        ("2026-11-24T11:59:00Z", OPEN_STATUS, "Expired", False, "11:30", "11:59"),  # no operator has recorded the end
        ("2026-11-24T13:00:00Z", CLOSED_STATUS, "Closed", False, "10:00", "10:20"),
        ("2026-11-24T13:00:00Z", NO_STATUS, "NotReconciled", False, None, "13:00"),
        ("2026-11-24T11:00:00Z", NO_STATUS, "Expired", False, None, "11:00"),
    ],
)
def test_a_break_glass_is_reported_with_its_times(
    expires: str, status: dict[str, Any], state: str, is_open: bool, opened: str | None, until: str
) -> None:
    (found,), notes = break_glass_reports([break_glass("1", expires, status)], [instance().meta], NOW)
    assert notes == ()
    assert [found.reason, found.state, found.is_open, found.instances] == ["INC-1", state, is_open, ("tests/jenkins",)]
    assert [moment and f"{moment:%H:%M}" for moment in (found.opened_at, found.until)] == [opened, until]


def test_break_glasses_are_listed_latest_first_and_invalid_ones_become_notes() -> None:
    bodies = [
        break_glass("old", "2026-11-20T12:00:00Z", NO_STATUS),
        break_glass("new", "2026-11-24T13:00:00Z", OPEN_STATUS, {"matchLabels": {"tier": "none"}}),
        break_glass("broken", "soon", NO_STATUS),
    ]
    reports, notes = break_glass_reports(bodies, [instance().meta], NOW)
    assert [(one.key, one.instances) for one in reports] == [("tests/new", ()), ("tests/old", ("tests/jenkins",))]
    assert len(notes) == 1
    assert notes[0].startswith("TwoFactorBreakGlass tests/broken is invalid and left out: spec.expiresAt")
    shown = document(replace(REPORT, break_glasses=reports))["breakGlasses"]
    assert [(one["name"], one["open"], one["openedAt"], one["closedAt"], one["mostOpen"]) for one in shown] == [
        ("new", True, "2026-11-24T11:30:00Z", None, 1),
        ("old", False, None, None, 0),
    ]
    assert document(replace(REPORT, break_glasses=None))["breakGlasses"] is None


def test_an_open_break_glass_is_a_risk_also_by_the_operators_word() -> None:
    recorded_open = ReportedProof(Condition(ENFORCED, FALSE, "BreakGlass", ""), Basis.STATUS)
    assert "A break-glass is open: nobody is challenged." in risks(None, None, recorded_open, NOW)


def test_events_of_others_are_no_history() -> None:
    about = {"kind": "JenkinsInstance", "namespace": "tests", "name": "jenkins"}
    ours = {
        "reportingController": "ours",
        "regarding": about,
        "eventTime": "2026-11-24T10:00:00.123456Z",
        "reason": "DriftCorrected",
        "note": "n",
    }
    again = {**ours, "series": {"count": 3, "lastObservedTime": "2026-11-24T11:00:00.000000Z"}}
    others = [
        {**ours, "reportingController": "theirs"},
        {**ours, "regarding": {**about, "kind": "TwoFactorPolicy"}},
        {**ours, "eventTime": None},
    ]
    found = history_of([ours, again, *others], "ours")
    assert {key: [(one.at.hour, one.count) for one in some] for key, some in found.items()} == {"tests/jenkins": [(11, 3), (10, 1)]}
    assert len(history_of([ours] * 50, "ours")["tests/jenkins"]) == 20
