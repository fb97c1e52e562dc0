"""One operator and one fleet of fakes: how long a policy takes to be everywhere, and what the operator uses while nothing happens."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config

from bench.cluster import INSTANCES, POLICIES, Cluster
from bench.measured import percentile
from bench.process import HighestMemory, cpu_seconds
from tests.support.fleet.client import FleetProcess
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess, grant
from tests.support.scene import API, QUESTIONS

NAMESPACE, POLICY = "fleet", "baseline"
INTERVAL = 30.0  # seconds; the default checkInterval
PATIENCE = 600.0
EXEMPT = "robots"


@dataclass(frozen=True, slots=True)
class Found:
    """What one fleet has shown. Times in seconds; ``cpu_*``: share of one core, ``mib``: highest resident memory.

    ``change_seconds``: CPU seconds that the change cost operator, API server and fakes; they share the cores of one machine.
    ``arrived``: by healthy host, from the request that changed the policy until the change was confirmed there; ``between``: from one look
    at a healthy host to the next; ``writes``: objects of our kinds that were written to while nothing happened."""

    hosts: int
    healthy: int
    slow: int
    dead: int
    first: float
    cpu_idle: float
    cpu_change: float
    mib: float
    requests: float
    writes: int
    between: list[float]
    arrived: list[float]
    change_seconds: tuple[float, float, float]

    @property
    def troubled(self) -> bool:
        return self.healthy < self.hosts

    @property
    def everywhere(self) -> float:
        return max(self.arrived)

    @property
    def arrived_p99(self) -> float:
        return percentile(self.arrived, 0.99)

    @property
    def between_p99(self) -> float:
        return percentile(self.between, 0.99) if self.between else float("nan")


def measure(hosts: int, *, dead: int, slow: int, seconds: float) -> Found:
    """Sets up everything anew and tears it down; ``seconds``: how long the operator is watched while nothing happens."""
    with KubeServer() as kube, FleetProcess(hosts, dead=dead, slow=slow) as fleet:
        kube.apply_crds()
        grant(kube)
        kube.new_namespace(NAMESPACE)
        cluster = Cluster(kube.kubeconfig, NAMESPACE)
        _create(kube, fleet.urls)
        begun = time.monotonic()
        with OperatorProcess(kube) as operator:
            _wait(lambda: _in_force(fleet) == fleet.healthy, "the policy is in force at every healthy host")
            first = time.monotonic() - begun
            _wait(lambda: _enforced(cluster) == fleet.healthy + fleet.slow, "every host that answers is proven")
            time.sleep(INTERVAL)  # until the first looks have scattered, and those at dead hosts have backed off
            with HighestMemory(operator.pid) as highest:
                idle = _idle(cluster, fleet, operator.pid, seconds)
                changed = _change(cluster, fleet, (operator.pid, kube.pid, fleet.pid))
        return Found(hosts, fleet.healthy, slow, dead, first, idle.cpu, changed.cpu, highest.mib, idle.requests, idle.writes,
                     idle.between, changed.arrived, changed.seconds)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Idle:
    cpu: float
    requests: float
    writes: int
    between: list[float]


@dataclass(frozen=True, slots=True)
class _Changed:
    cpu: float
    arrived: list[float]
    seconds: tuple[float, float, float]


def _idle(cluster: Cluster, fleet: FleetProcess, pid: int, seconds: float) -> _Idle:
    versions, cpu = cluster.versions(INSTANCES) | cluster.versions(POLICIES), cpu_seconds(pid)
    fleet.forget()
    begun = time.monotonic()
    time.sleep(seconds)
    passed, cpu = time.monotonic() - begun, cpu_seconds(pid) - cpu
    hosts = fleet.counters()[: fleet.healthy]
    after = cluster.versions(INSTANCES) | cluster.versions(POLICIES)
    between = [later - earlier for one in hosts for earlier, later in itertools.pairwise(one["observations"])]
    observations = sum(len(one["observations"]) for one in hosts)
    written = sum(after[name] != version for name, version in versions.items())
    return _Idle(cpu / passed, sum(one["requests"] for one in hosts) / max(1, observations), written, between)


def _change(cluster: Cluster, fleet: FleetProcess, pids: tuple[int, int, int]) -> _Changed:
    """``pids``: operator, API server, fakes."""
    fleet.forget()
    cpu, begun = [cpu_seconds(pid) for pid in pids], time.monotonic()
    cluster.patch(POLICIES, POLICY, exemptGroups=[EXEMPT])
    _wait(
        lambda: all(one["exempt"] == [EXEMPT] and not one["open"] for one in fleet.counters()[: fleet.healthy]), "the change is everywhere"
    )
    passed = time.monotonic() - begun
    operator, server, fakes = (cpu_seconds(pid) - before for pid, before in zip(pids, cpu, strict=True))
    return _Changed(operator / passed, [one["changed"] - begun for one in fleet.counters()[: fleet.healthy]], (operator, server, fakes))


def _in_force(fleet: FleetProcess) -> int:
    return sum(one["effective"] and not one["open"] for one in fleet.counters()[: fleet.healthy])


def _enforced(cluster: Cluster) -> int:
    status = cluster.get(POLICIES, POLICY).get("status") or {}
    return int((status.get("instances") or {}).get("enforced") or 0)


def _create(kube: KubeServer, urls: list[str]) -> None:
    """An instance and its Secret by host, and one policy for all of them."""
    api = config.new_client_from_config(str(kube.kubeconfig))
    objects, core = client.CustomObjectsApi(api), client.CoreV1Api(api)

    def make(at: int, url: str) -> None:
        name = f"jenkins-{at:04}"
        data = {"host": url.split("/")[2], "username": "admin", "token": "token"}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": name}, "data": encoded})
        spec = {"url": url + "/", "credentialsRef": {"name": name}, "gate": {"mode": "Managed"}}
        _object(objects, INSTANCES, "JenkinsInstance", name, spec)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(len(urls)), urls))
    _object(objects, POLICIES, "TwoFactorPolicy", POLICY, QUESTIONS)


def _object(objects: Any, plural: str, kind: str, name: str, spec: dict[str, Any]) -> None:
    group, version = API.split("/")
    body = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
    objects.create_namespaced_custom_object(group, version, NAMESPACE, plural, body)


def _wait(reached: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > until:
            raise SystemExit(f"not within {PATIENCE:g} s: {what}")
        time.sleep(0.25)
