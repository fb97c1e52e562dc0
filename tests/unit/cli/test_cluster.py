"""`kubectl twofactor`: when the operator behind a status counts as gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.cli.cluster import lease_problem

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lease(age: float, duration: int = 15) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": "pod", "leaseDurationSeconds": duration, "renewTime": renewed}}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lease(5), None),
        (lease(100, 1), None),  # given back by an upgrade
        (lease(180, 60), None),  # one that is renewed less often
        (lease(121), "Lease jenkins-2fa/jenkins-2fa-operator was last renewed at 2026-11-24 11:57:59 UTC"),
        (lease(121, 1), "Lease jenkins-2fa/jenkins-2fa-operator was last renewed at 2026-11-24 11:57:59 UTC"),
        ({"spec": {}}, "nobody has renewed Lease jenkins-2fa/jenkins-2fa-operator"),
        ({}, "nobody has renewed Lease jenkins-2fa/jenkins-2fa-operator"),
        (None, "there is no Lease jenkins-2fa/jenkins-2fa-operator"),
    ],
)
def test_an_operator_counts_as_gone_by_its_lease(answer: dict[str, Any] | None, problem: str | None) -> None:
    assert lease_problem(Key("jenkins-2fa", "jenkins-2fa-operator"), answer, NOW) == problem
