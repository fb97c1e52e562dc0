"""The scenario ring's API server in memory answers the same calls like the real one, refusals included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Connection, Kubernetes, KubernetesError
from tests.support.kube import KubeServer
from tests.support.managed import QUESTIONS
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.reconciler import kubeconfig
from tests.support.scenario.world import API

Call = Callable[[Kubernetes], Any]
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "InForce",
    "message": "m",
    "lastTransitionTime": "2026-11-24T12:00:00Z",
    "observedGeneration": 1,
}


@pytest.fixture
def both(kube: KubeServer, namespace: str, tmp_path: Path) -> Iterator[tuple[Kubernetes, Kubernetes]]:
    """The real one and the fake, each with a policy and a Secret."""
    policy = {"apiVersion": API, "kind": "TwoFactorPolicy", "metadata": {"name": "baseline", "namespace": namespace}, "spec": QUESTIONS}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "admin", "namespace": namespace}, "data": {"token": "dA=="}}
    kube.apply(policy, secret, namespace=namespace)
    with FakeCluster() as fake:
        fake.put("namespaces", {"metadata": {"name": namespace}})
        fake.put("twofactorpolicies", policy)
        fake.put("secrets", secret)
        yield (
            Kubernetes(Connection(kubeconfig=str(kube.kubeconfig))),
            Kubernetes(Connection(kubeconfig=str(kubeconfig(fake.url, tmp_path)))),
        )


def outcome(kubernetes: Kubernetes, call: Call) -> Any:
    try:
        return call(kubernetes)
    except KubernetesError as error:
        return type(error).__name__, error.status


def test_the_fake_answers_the_operators_calls_like_the_api_server(both: tuple[Kubernetes, Kubernetes], namespace: str) -> None:
    key, absent = Key(namespace, "baseline"), Key(namespace, "absent")
    plural = "twofactorpolicies"

    def same(call: Call) -> Any:
        real, fake = (outcome(one, call) for one in both)
        assert real == fake
        return real

    def status(uid: str | None, **fields: Any) -> Call:
        return lambda kube: kube.patch_status(plural, key, uid or kube.get(plural, key)["metadata"]["uid"], fields).get("status")

    assert same(lambda kube: kube.served()) is True
    assert same(lambda kube: kube.get(plural, absent)) == ("NotFound", 404)
    assert same(lambda kube: kube.secret(absent)) == ("NotFound", 404)
    assert same(lambda kube: kube.secret(Key(namespace, "admin"))["data"]) == {"token": "dA=="}
    assert same(lambda kube: kube.get(plural, key)["spec"])["deletionPolicy"], "defaults are filled in"
    assert same(lambda kube: [one["metadata"]["name"] for one in kube.list(plural, namespace)]) == ["baseline"]
    assert same(lambda kube: kube.get(plural, key)["metadata"]["generation"]) == 1
    assert same(status(None, conditions=[CONDITION], observedGeneration=1))["observedGeneration"] == 1
    assert "conditions" not in same(status(None, conditions=None))
    assert same(status("11111111-2222-3333-4444-555555555555", observedGeneration=2)), "a patch of a status may name any UID"
    assert same(status(None, observedGeneration="one"))[1] == 422
    assert same(lambda kube: kube.get(plural, key)["metadata"]["generation"]) == 1, "a status change makes no new generation"


def test_the_fake_handles_the_lease_like_the_api_server(both: tuple[Kubernetes, Kubernetes], namespace: str) -> None:
    key = Key(namespace, "operator")
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "operator"}, "spec": {"holderIdentity": "a"}}
    for kube in both:
        assert outcome(kube, lambda kube: kube.lease(key)) == ("NotFound", 404)
        first = kube.create_lease(key, lease)
        assert outcome(kube, lambda kube: kube.create_lease(key, lease)) == ("Conflict", 409)
        second = kube.replace_lease(key, {**first, "spec": {"holderIdentity": "b"}})
        assert second["spec"]["holderIdentity"] == "b"
        stale = {**first, "spec": {"holderIdentity": "c"}}
        assert outcome(kube, lambda kube, stale=stale: kube.replace_lease(key, stale)) == ("Conflict", 409)
