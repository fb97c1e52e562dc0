"""Leader election against a real API server, under clocks that only the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

from jenkins2fa.kube.client import Connection, Kubernetes
from jenkins2fa.kube.lease import NAME, Leadership
from tests.support.kube import KubeServer


@dataclass
class Replica:
    """One candidate with its own clock; `heard`: the reports to it, "gained" or "lost"."""

    kube: KubeServer
    namespace: str
    name: str
    now: float = 1000.0
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        kubernetes = Kubernetes(Connection(str(self.kube.kubeconfig)))
        tell = self.heard.append
        self.election = Leadership(kubernetes, self.namespace, self.name, lambda: self.now, lambda: tell("gained"), lambda: tell("lost"))

    def step(self, seconds: float = 0.0) -> bool:
        self.now += seconds
        self.election.step()
        return self.election.holds()


def holder(kube: KubeServer, namespace: str) -> str:
    return str(kube.get("lease", NAME, "-n", namespace)["spec"].get("holderIdentity", ""))


def test_the_first_replica_leads_and_the_second_waits(kube: KubeServer, namespace: str) -> None:
    one, two = Replica(kube, namespace, "one"), Replica(kube, namespace, "two")
    assert one.step()
    assert not two.step()
    assert (one.heard, two.heard) == (["gained"], [])
    assert holder(kube, namespace) == "one"


def test_a_renewed_lease_never_expires_for_others(kube: KubeServer, namespace: str) -> None:
    one, two = Replica(kube, namespace, "one"), Replica(kube, namespace, "two")
    for _ in range(5):
        assert one.step(8)
        assert not two.step(8)


def test_a_silent_holder_is_replaced_after_the_lease_duration(kube: KubeServer, namespace: str) -> None:
    one, two = Replica(kube, namespace, "one"), Replica(kube, namespace, "two")
    assert one.step()
    assert not two.step()
    assert not two.step(14)
    assert two.step(2)
    assert holder(kube, namespace) == "two"
    assert not one.step(2)
    assert one.heard == ["gained", "lost"]


def test_a_holder_that_cannot_renew_stops_before_others_may_lead(kube: KubeServer, namespace: str) -> None:
    one = Replica(kube, namespace, "one")
    assert one.step()
    one.now += 9.9
    assert one.election.holds()
    one.now += 0.2
    assert not one.election.holds()


def test_a_released_lease_is_free_at_once(kube: KubeServer, namespace: str) -> None:
    one, two = Replica(kube, namespace, "one"), Replica(kube, namespace, "two")
    assert one.step()
    one.election.release()
    assert holder(kube, namespace) == ""
    assert two.step()
    assert kube.get("lease", NAME, "-n", namespace)["spec"]["leaseTransitions"] >= 1


def test_one_of_two_concurrent_writers_loses(kube: KubeServer, namespace: str) -> None:
    """Both read the same free Lease; the API server takes only the first write."""
    seed = Replica(kube, namespace, "seed")
    assert seed.step()
    kube.kubectl("patch", "lease", NAME, "-n", namespace, "--type=merge", "-p", '{"spec":{"holderIdentity":""}}')
    one, two = Replica(kube, namespace, "one"), Replica(kube, namespace, "two")
    results = [one.step(), two.step()]
    assert results.count(True) == 1
