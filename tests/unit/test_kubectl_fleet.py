"""`kubectl twofactor`: what counts as enforced, and when the operator behind a status counts as gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.cli.kubectl_lease import told_by
from jenkins2fa.cli.kubectl_table import all_enforced, as_table, fleet_rows

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
IN_FORCE = {"Ready": ("True", "InForce"), "Enforced": ("True", "Probed"), "Drifted": ("False", "NoDrift")}
SUSPENDED = {**IN_FORCE, "Ready": ("True", "Suspended")}


def seen(conditions: dict[str, tuple[str, str]], name: str = "build", generation: int = 1) -> dict[str, Any]:
    """An instance whose status is about generation 1."""
    held = [{"type": kind, "status": status, "reason": reason, "message": reason} for kind, (status, reason) in conditions.items()]
    return {
        "metadata": {"namespace": "team", "name": name, "uid": name, "generation": generation, "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"url": "https://jenkins.example.com/"},
        "status": {"observedGeneration": 1, "conditions": held, "operator": "jenkins-2fa", "summary": {"policy": "baseline"}},
    }


def test_what_is_seen_and_in_force_counts() -> None:
    rows = fleet_rows([seen(IN_FORCE), seen(IN_FORCE, "other")])
    assert all_enforced(rows)
    assert "2 of 2 enforced, by proof." in as_table(rows)


@pytest.mark.parametrize(
    ("body", "reason", "told"),
    [
        (seen(SUSPENDED), "Suspended", "0 of 1 enforced, by proof; 1 suspended."),
        (seen({**IN_FORCE, "Ready": ("False", "Suspended")}), "Suspended", "0 of 1 enforced, by proof; 1 suspended."),
        (seen(IN_FORCE, generation=2), "NotSeen", "0 of 1 enforced, by proof."),
        ({**seen(IN_FORCE), "status": {}}, "NotSeen", "0 of 1 enforced, by proof;"),
    ],
)
def test_what_nobody_looks_at_does_not_count(body: dict[str, Any], reason: str, told: str) -> None:
    """The conditions of a suspended policy are those of before: Jenkins may have been switched off since."""
    rows = fleet_rows([body])
    assert not all_enforced(rows)
    assert (rows[0].reason, rows[0].enforced, rows[0].drifted, rows[0].ready) == (reason, "Unknown", "Unknown", "Unknown")
    assert told in as_table(rows)


def test_the_row_of_a_suspended_one_says_how_it_was_before() -> None:
    assert "before that, Enforced was True (Probed)" in fleet_rows([seen(SUSPENDED)])[0].message


def test_an_empty_fleet_proves_nothing() -> None:
    assert not all_enforced(fleet_rows([]))


def lease(age: float, duration: int = 15) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": "pod", "leaseDurationSeconds": duration, "renewTime": renewed}}


@pytest.mark.parametrize(
    ("answer", "told"),
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
def test_when_an_operator_counts_as_gone(answer: dict[str, Any] | None, told: str | None) -> None:
    assert told_by(Key("jenkins-2fa", "jenkins-2fa-operator"), answer, NOW) == told
