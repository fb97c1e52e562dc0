"""Who counts as another manager of one Jenkins."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.owners import duplicate_of
from jenkins2fa.controller.queue import Kind
from jenkins2fa.controller.store import Store
from tests.support.literals import NOW, in_force, instance, spec

SEEN = replace(in_force(spec()), identity="abcd", session="run-2")


def older(reason: str = "Probed", *, access: str | None = None, observed: int = 2, **jenkins: str) -> dict[str, Any]:
    """An older instance with its status; with another reason than `Probed`, it did not reach its Jenkins."""
    well = reason == "Probed"
    ready = {"type": "Ready", "status": "True" if well else "False", "reason": "Applied" if well else reason}
    enforced = {"type": "Enforced", "status": "True" if well else "Unknown", "reason": reason}
    meta = {"namespace": "other", "name": "older", "uid": "1", "generation": 2, "creationTimestamp": "2020-01-01T00:00:00Z"}
    held = {"identity": "abcd", "session": "run-2", **jenkins}
    gate = {"gate": {"mode": "None"}}
    wanted = {"url": "https://j.example.com/", "credentialsRef": {"name": "s"}, **gate, **({"access": access} if access else {})}
    return {"metadata": meta, "spec": wanted, "status": {"observedGeneration": observed, "jenkins": held, "conditions": [ready, enforced]}}


def rival(body: dict[str, Any]) -> Key | None:
    store = Store()
    store.put(Kind.INSTANCE, body)
    return duplicate_of(cast("Context", SimpleNamespace(store=store)), instance(created=NOW), SEEN)


def test_the_older_that_reaches_the_same_run_of_jenkins_counts() -> None:
    assert rival(older()) == Key("other", "older")
    assert rival(older(access="Manage")) == Key("other", "older")


@pytest.mark.parametrize(
    "body",
    [
        older("Unreachable"),
        older("Unauthorized"),
        older(access="Observe"),
        older(observed=1),
        older(session="run-1"),
        older(identity="other"),
        {**older(), "status": {"jenkins": {"identity": "abcd", "session": "run-2"}}},
    ],
)
def test_a_status_that_does_not_speak_of_now_counts_for_nothing(body: dict[str, Any]) -> None:
    assert rival(body) is None
