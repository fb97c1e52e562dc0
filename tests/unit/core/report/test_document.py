"""The report as data: when it counts as proven, and what a recorded status says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jenkins2fa.api.status import ENFORCED, FALSE, TRUE
from jenkins2fa.cli.report.instances import history_of, recorded
from jenkins2fa.core.report.document import Basis, InstanceReport, Report
from tests.support.literals import instance
from tests.support.managed import policy
from tests.support.report_sample import BUILD, LEGACY, LOST, NOW, RELEASE


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
def test_a_report_is_proven_only_if_every_instance_is(instances: tuple[InstanceReport, ...], asked: bool, proven: bool) -> None:
    assert Report(NOW, "1", "x", instances, asked=asked).all_proven is proven


def test_a_status_is_reported_as_recorded_by_the_operator() -> None:
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


def test_events_of_other_components_are_not_part_of_the_history() -> None:
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
