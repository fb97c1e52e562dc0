"""Log lines can be found by instance and by policy."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.apply import _report_undone
from jenkins2fa.controller.instance.status import log_change
from jenkins2fa.controller.instance.subject import Memory, Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.status import _names_of, _report
from jenkins2fa.controller.telemetry.logs import JsonFormatter
from jenkins2fa.controller.telemetry.metrics import Metrics
from jenkins2fa.jenkins.errors import ChangeUndone
from tests.support.literals import instance, policy

BODY = {"metadata": {"namespace": "tests", "name": "jenkins", "uid": "instance-uid"}}
SUBJECT = Subject(BODY, instance(), policy(), Memory("instance-uid"))
POLICY = str(policy().meta.key)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO)
    return lambda: [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def test_a_change_names_instance_policy_and_trial(lines: Any) -> None:
    log_change(SUBJECT, "OwnerRecorded", "nothing differs", trial="t-1", seconds=0.5)
    named = {"instance": "tests/jenkins", "policy": POLICY, "change": "OwnerRecorded", "trial": "t-1", "seconds": 0.5}
    assert named.items() <= lines()[0].items()
    assert lines()[0]["message"] == "instance tests/jenkins: OwnerRecorded: nothing differs (trial t-1, seconds 0.5)"


def test_an_undone_change_names_its_policy(lines: Any) -> None:
    context = cast(Context, SimpleNamespace(metrics=Metrics()))
    _report_undone(context, SUBJECT, cast(Any, SimpleNamespace(trial="t-1")), ChangeUndone("no"), 0.5)
    assert {"instance": "tests/jenkins", "policy": POLICY, "change": "Undone", "trial": "t-1", "seconds": 0.5}.items() <= lines()[0].items()
    assert "a change did not hold: ChangeUndone" in lines()[0]["message"]


def test_a_transition_names_instance_and_policy(lines: Any) -> None:
    reported: list[Any] = []
    context = cast(Context, SimpleNamespace(events=SimpleNamespace(report=lambda *args: reported.append(args))))
    ready = {"type": "Ready", "status": "False", "reason": "Unauthorized", "message": "401"}
    status = {"policy": {"namespace": "platform", "name": "baseline"}}
    for kind in Kind:
        _report(context, kind, BODY, [ready], _names_of(kind, instance().meta.key, status))
    by_instance, by_policy, by_break_glass = lines()
    facts = {"condition": "Ready", "status": "False", "reason": "Unauthorized"}
    assert {"instance": "tests/jenkins", "policy": "platform/baseline", **facts}.items() <= by_instance.items()
    assert {"policy": "tests/jenkins", **facts}.items() <= by_policy.items()
    assert "instance" not in by_policy
    assert {"breakGlass": "tests/jenkins", **facts}.items() <= by_break_glass.items()
    assert len(reported) == 3
