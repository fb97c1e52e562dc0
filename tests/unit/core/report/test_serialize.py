"""The report as JSON: its schema, its digest, and names only on request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema

from jenkins2fa.core.report.document import Report
from jenkins2fa.core.report.serialize import report_digest, report_json
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE
from tests.support.report_sample import BUILD, NOW, REPORT

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


def test_the_sample_shows_only_what_can_be() -> None:
    """The picture in the docs is of it: the free edition has two factors, and groups, builds and tokens by the gate alone."""
    for one in REPORT.instances:
        assert one.software is None or one.software.edition in ("Free", "")
        if one.rules is not None and one.rules.by == "Jenkins":
            assert one.rules.factors <= FREE.base_factors
            if one.layers is None or one.layers.gate == "absent":
                assert (one.rules.enforced_groups, one.rules.exempt_groups) == (None, frozenset())
