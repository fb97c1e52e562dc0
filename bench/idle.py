"""What a pass costs that finds nothing to do: here, at the API server, and in Jenkins."""

from __future__ import annotations

import functools
import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.changing import bare_pages
from bench.measured import Measured, Part, milliseconds
from jenkins2fa.api.meta import Key
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options, cluster_uid
from jenkins2fa.controller.instance.subject import Memories
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, Urgency, Work, WorkKey, WorkQueue
from jenkins2fa.controller.watch import Lists
from jenkins2fa.controller.workers import reconcilers
from jenkins2fa.jenkins.connection import Connection, Connections, Credentials
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.kube.client import Connection as ClusterConnection
from jenkins2fa.kube.client import Kubernetes
from jenkins2fa.kube.events import Events
from jenkins2fa.kube.lease import OtherInstallations
from jenkins2fa.kube.secrets import ReferenceCache
from tests.support.running import NAMESPACE as LEASE_NAMESPACE
from tests.support.standin import StandIn

DAY = 24 * 3600
INTERVAL = 30  # seconds; the default checkInterval
SCRIPT_SECONDS = 600  # one look in ten minutes is a script's
STATE = """
import java.lang.management.ManagementFactory as M
def pool = M.memoryPoolMXBeans.find { it.name == 'Metaspace' }
println groovy.json.JsonOutput.toJson([classes: M.classLoadingMXBean.totalLoadedClassCount, metaspace: pool.usage.used,
    cpu: M.operatingSystemMXBean.processCpuTime])
"""


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a Jenkins. ``classes`` and ``metaspace`` (bytes): left behind by one; ``cpu``: milliseconds in Jenkins."""

    name: str
    samples: list[float]
    classes: float
    metaspace: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Idle:
    """``cpu``: milliseconds of the operator's own process for one pass; ``requests`` and ``writes``: for one pass."""

    passed: Measured
    cpu: float
    requests: float
    writes: float
    by_gate: Look
    by_script: Look

    def a_day(self, look: Look) -> tuple[float, float, float]:
        """Classes, MiB of metaspace and seconds of CPU in Jenkins at the default interval, had every look been of this kind."""
        looks = DAY / INTERVAL
        return look.classes * looks, look.metaspace * looks / 2**20, look.cpu * looks / 1000

    def a_day_as_it_is(self) -> tuple[float, float, float]:
        """The same as the operator does it: one look in ten minutes is a script's."""
        share = INTERVAL / SCRIPT_SECONDS
        pairs = zip(self.a_day(self.by_script), self.a_day(self.by_gate), strict=True)
        classes, metaspace, cpu = (script * share + gate * (1 - share) for script, gate in pairs)
        return classes, metaspace, cpu


def measure_idle(kubeconfig: Path, namespace: str, name: str, jenkins: StandIn, rounds: int) -> Idle:
    """The operator's own passes, in this process, at a Jenkins where everything is as wanted."""
    context = _context(kubeconfig, namespace)
    run, work = reconcilers(context), Work(WorkKey(Kind.INSTANCE, Key(namespace, name)), Urgency.CLOCK)
    for _ in range(30):  # the first ones look by script, and probe
        run(work)
    version, asked = _version(context, work), _requests(context)
    begun = time.process_time()
    samples = [milliseconds(lambda: run(work)) for _ in range(rounds)]
    cpu = (time.process_time() - begun) * 1000 / rounds
    asked = _requests(context) - asked
    writes = 0 if _version(context, work) == version else 1
    bare = (Part("Jenkins: a page", bare_pages(jenkins, rounds)),)
    passed = Measured("a reconcile that finds nothing to do", samples, bare)
    return Idle(passed, cpu, asked / rounds, writes / rounds, _look(jenkins, rounds, by_gate=True), _look(jenkins, rounds, by_gate=False))


def _look(jenkins: StandIn, rounds: int, *, by_gate: bool) -> Look:
    driver = driver_for(Connection(jenkins.url + "/", Credentials("admin", jenkins.tokens["admin"])))
    try:
        for _ in range(200):  # until the JVM has compiled what it will
            driver.observe(by_gate=by_gate)
        empty = _growth(jenkins, lambda: None)
        samples: list[float] = []
        grown = _growth(jenkins, lambda: samples.extend(milliseconds(lambda: driver.observe(by_gate=by_gate)) for _ in range(rounds)))
        if driver.observe(by_gate=by_gate).by_gate is not by_gate:
            raise SystemExit("the gate does not answer looks here")
    finally:
        driver.close()
    classes, metaspace, cpu = ((grown[key] - empty[key]) / rounds for key in ("classes", "metaspace", "cpu"))
    return Look("answered by the gate" if by_gate else "a script", samples, max(0.0, classes), max(0.0, metaspace), max(0.0, cpu) / 1e6)


def _growth(jenkins: StandIn, work: object) -> dict[str, float]:
    """How much Jenkins grows by some work, the reading itself included."""
    before = json.loads(jenkins.groovy(STATE))
    work()  # type: ignore[operator]
    after = json.loads(jenkins.groovy(STATE))
    return {key: after[key] - before[key] for key in before}


def _requests(context: Context) -> float:
    """Requests to Jenkins so far, whatever their outcome."""
    families = context.metrics.registry.collect()
    return sum(sample.value for family in families for sample in family.samples if sample.name == "jenkins2fa_jenkins_requests_total")


def _version(context: Context, work: Work) -> str:
    return str(context.kubernetes.get("jenkinsinstances", work.key.key)["metadata"]["resourceVersion"])


def _context(kubeconfig: Path, namespace: str) -> Context:
    """An operator without watches and Lease: this process is the only one."""

    def now() -> datetime:
        return datetime.now(UTC)

    options = Options(namespaces=(namespace,), lease_namespace=LEASE_NAMESPACE)
    kubernetes, cache = Kubernetes(ClusterConnection(str(kubeconfig))), Cache()
    queue = WorkQueue(time.monotonic, random.random)
    mapping = EventMapping(cache, queue)
    Lists(kubernetes, mapping, (namespace,)).list_now()
    return Context(
        options=options,
        kubernetes=kubernetes,
        cache=cache,
        queue=queue,
        mapping=mapping,
        connections=Connections(ReferenceCache(kubernetes, time.monotonic), time.monotonic),
        events=Events(kubernetes, "bench", time.monotonic),
        memories=Memories(time.monotonic),
        clock=time.monotonic,
        now=now,
        random=random.random,
        leading=lambda: True,
        cluster=functools.cache(lambda: cluster_uid(kubernetes, LEASE_NAMESPACE)),
        other_installations=OtherInstallations(kubernetes, LEASE_NAMESPACE, options.lease_duration, time.monotonic, now),
    )
