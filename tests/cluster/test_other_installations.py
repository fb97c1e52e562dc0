"""Which of two installations serves an object, against a real API server, under clocks that only the test moves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.kube.client import Connection, Kubernetes
from jenkins2fa.kube.lease import CHECK_SECONDS, GONE_AFTER, NAME, OtherInstallations
from tests.support.kube import KubeServer

DURATION = timedelta(seconds=15)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass
class Installation:
    """An installation that checks whether it may serve an object; `now` is in seconds after NOW."""

    kubeconfig: Path
    now: float = 0.0
    other_installations: OtherInstallations = field(init=False)

    def __post_init__(self) -> None:
        kubernetes = Kubernetes(Connection(str(self.kubeconfig)))
        self.other_installations = OtherInstallations(
            kubernetes, "ours", DURATION, lambda: self.now, lambda: NOW + timedelta(seconds=self.now)
        )

    def serving(self, body: dict[str, Any], later: float = 0.0) -> str | None:
        self.now += later
        return self.other_installations.serving(body)


def lease(kube: KubeServer, namespace: str, renewed: datetime) -> None:
    spec = {"holderIdentity": "pod", "leaseDurationSeconds": 15, "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    kube.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}, "spec": spec}, namespace=namespace)


def served_by(operator: str | None, uid: str = "u-1") -> dict[str, Any]:
    return {"metadata": {"uid": uid}, "status": {"operator": operator}}


def test_the_first_live_installation_keeps_serving(kube: KubeServer, namespace: str) -> None:
    lease(kube, namespace, NOW)
    us = Installation(kube.kubeconfig)
    assert us.serving(served_by(namespace)) == namespace
    assert [us.serving(served_by(one)) for one in ("ours", None)] == [None, None]
    assert us.other_installations.serving_all([served_by(namespace), served_by(namespace, "u-2")]) == namespace
    assert us.other_installations.serving_all([served_by(namespace), served_by(None)]) is None
    assert us.other_installations.serving_all([]) is None


def test_an_installation_without_a_renewed_lease_is_gone_and_may_return(kube: KubeServer, namespace: str) -> None:
    lease(kube, namespace, NOW)
    us, silence = Installation(kube.kubeconfig), GONE_AFTER * DURATION.total_seconds()
    assert us.serving(served_by(namespace), silence - 1) == namespace
    assert us.serving(served_by(namespace), CHECK_SECONDS + 1) is None
    lease(kube, namespace, NOW + timedelta(seconds=us.now))
    assert us.serving(served_by(namespace), CHECK_SECONDS - 1) is None, "the Lease is cached for a while"
    assert us.serving(served_by(namespace), 2) == namespace


def test_an_installation_without_a_lease_is_gone(kube: KubeServer, namespace: str) -> None:
    assert Installation(kube.kubeconfig).serving(served_by(namespace)) is None


def test_if_the_lease_is_unreadable_the_overwritten_installation_stops(
    kube: KubeServer, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    lease(kube, namespace, NOW)
    us = Installation(kube.service_account(namespace, "nobody"))
    assert us.serving(served_by(namespace)) is None
    us.other_installations.claimed("u-1")
    assert us.serving(served_by("ours")) is None
    assert us.serving(served_by(namespace)) == namespace, "it wrote after us, so it is alive"
    assert us.serving(served_by(namespace, "u-2")) is None
    assert us.serving(served_by(namespace), 3600) == namespace
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


def test_the_status_keeps_the_installations_name(kube: KubeServer, namespace: str) -> None:
    """The schemas have the field: an unknown one would be pruned."""
    for kind, spec in (
        ("JenkinsInstance", {"url": "https://jenkins.example.com/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}}),
        ("TwoFactorPolicy", {"instanceSelector": {}, "mode": "Disabled"}),
    ):
        body = {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": {"name": "one"}, "spec": spec}
        kube.apply(body, namespace=namespace)
        patch = json.dumps({"status": {"operator": "jenkins-2fa"}})
        kube.kubectl("patch", kind, "one", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
        assert kube.get(kind, "one", "-n", namespace)["status"] == {"operator": "jenkins-2fa"}
