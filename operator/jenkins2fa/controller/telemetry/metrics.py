"""The counts and times of the process, as Prometheus metrics (docs/metrics.md has the list).

Labels are bounded: namespaces and names of our objects, and words of ours; never users, hosts or messages. An instance is named by the
labels ``jenkins_namespace`` and ``jenkins``, since Prometheus itself uses ``namespace`` and ``instance`` for the scraped pod.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jenkins2fa import __version__
from jenkins2fa.controller.queue import Depth, Work
from jenkins2fa.controller.telemetry.object_metrics import Tally

PREFIX = "jenkins2fa"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WEAKENING = (  # fields whose change can weaken protection, on the free edition
    "mode",
    "allowedFactors.SecurityQuestions",
    "allowedFactors.EmailOTP",
    "enforcedGroups",
    "exemptGroups",
    "apiTokens",
    "requireOnBuild.window",
    "gate.hold",
    "breakGlass",
    "deletionPolicy",
)
WAITS = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """Thread-safe. One registry for the process; :meth:`watch` adds collectors that are read at each scrape."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._reconciles = Counter(f"{PREFIX}_reconciles", "Reconciles, by result", ("kind", "result"), registry=registry)
        self._reconcile = Histogram(
            f"{PREFIX}_reconcile_duration_seconds", "Duration of a reconcile", ("kind",), buckets=QUICK, registry=registry
        )
        self._step = Histogram(
            f"{PREFIX}_step_duration_seconds", "Duration of a step of a reconcile", ("step",), buckets=QUICK, registry=registry
        )
        self._wait = Histogram(
            f"{PREFIX}_queue_wait_seconds",
            "Time from when a reconcile is due until it begins, by urgency",
            ("urgency",),
            buckets=WAITS,
            registry=registry,
        )
        self._requests = Counter(f"{PREFIX}_jenkins_requests", "HTTP requests to controllers, by outcome", ("outcome",), registry=registry)
        self._request = Histogram(
            f"{PREFIX}_jenkins_request_duration_seconds", "Duration of an HTTP request to a controller", buckets=QUICK, registry=registry
        )
        self._observations = Counter(
            f"{PREFIX}_observations", "Observations of controllers, by what answered: the gate or a script", ("by",), registry=registry
        )
        self._failures = Counter(
            f"{PREFIX}_failures", "Reconciles that ended with a failure at the controller, by reason", ("reason",), registry=registry
        )
        self._refusals = Counter(
            f"{PREFIX}_guard_refusals", "Times that the guard began to refuse a change, by reason", ("reason",), registry=registry
        )
        self._trials = Counter(f"{PREFIX}_trials", "Trials, by outcome", ("outcome",), registry=registry)
        for outcome in ("confirmed", "undone"):
            self._trials.labels(outcome)  # a rate needs a zero before the first one
        self._weakenings = Counter(
            f"{PREFIX}_weakenings", "Fields by which a confirmed change weakened protection", ("path",), registry=registry
        )
        for path in WEAKENING:
            self._weakenings.labels(path)
        self._evidence = Counter(
            f"{PREFIX}_evidence_lines", "Lines of evidence of probes, by whether they were written", ("result",), registry=registry
        )
        for result in ("written", "failed"):
            self._evidence.labels(result)
        self.tally = Tally(self._count_failure, self._count_refusal)
        registry.register(_Build())

    def watch(self, collector: Collector) -> None:
        """Add a collector that is read at each scrape."""
        self.registry.register(collector)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step, however it ends."""
        begun = self._clock()
        try:
            yield
        finally:
            self._step.labels(name).observe(self._clock() - begun)

    @contextlib.contextmanager
    def change(self) -> Iterator[Callable[[str], None]]:
        """Measure the steps of a change. Yields a function to call with the name of each step before it begins."""
        running: list[tuple[str, float]] = []

        def close() -> None:
            if running:
                name, begun = running.pop()
                self._step.labels(name).observe(self._clock() - begun)

        def announce(name: str) -> None:
            close()
            running.append((f"change-{name}", self._clock()))

        try:
            yield announce
        finally:
            close()

    def reconciled(self, work: Work, result: str, seconds: float) -> None:
        """Record the end of a reconcile. ``result``: done, retried (transient failure), unavailable (the API server) or crashed."""
        kind = work.key.kind.value
        self._reconciles.labels(kind, result).inc()
        self._reconcile.labels(kind).observe(seconds)
        self._wait.labels(work.urgency.name.lower()).observe(work.waited)

    def requested(self, outcome: str, seconds: float) -> None:
        """Record a request to a controller; a :data:`jenkins2fa.jenkins.connection.Requested`."""
        self._requests.labels(outcome).inc()
        self._request.observe(seconds)

    def evidence_recorded(self, written: bool) -> None:
        """Record whether a line of evidence was written."""
        self._evidence.labels("written" if written else "failed").inc()

    def observed(self, *, by_gate: bool) -> None:
        """Record an observation of a controller."""
        self._observations.labels("gate" if by_gate else "script").inc()

    def trial_ended(self, outcome: str) -> None:
        self._trials.labels(outcome).inc()

    def weakened(self, *paths: str) -> None:
        """Record that a change has weakened the protection of a controller. ``paths``: the fields of the policy."""
        for path in paths:
            self._weakenings.labels(path).inc()

    def _count_failure(self, reason: str) -> None:
        self._failures.labels(reason).inc()

    def _count_refusal(self, reason: str) -> None:
        self._refusals.labels(reason).inc()


class _Build(Collector):
    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(f"{PREFIX}_build_info", "The running version; always 1", labels=("version", "python"))
        family.add_metric((__version__, platform.python_version()), 1)
        yield family


class ProcessMetrics(Collector):
    """The state of the queue and of the election at each scrape."""

    def __init__(self, depth: Callable[[], Depth], leading: Callable[[], bool], synced: Callable[[], bool]) -> None:
        self._depth, self._leading, self._synced = depth, leading, synced

    def collect(self) -> Iterator[Metric]:
        depth, leading = self._depth(), self._leading()
        yield GaugeMetricFamily(f"{PREFIX}_leader", "1 while this replica holds the Lease", value=float(leading))
        yield GaugeMetricFamily(f"{PREFIX}_synced", "1 once all objects have been listed", value=float(self._synced()))
        keys = GaugeMetricFamily(f"{PREFIX}_queue_keys", "Objects in the work queue, by state", labels=("state",))
        for state, count in (("due", depth.due), ("delayed", depth.delayed), ("running", depth.running)):
            keys.add_metric((state,), count)
        yield keys
        oldest = depth.oldest if leading else 0.0  # without the Lease, nothing is taken out
        yield GaugeMetricFamily(f"{PREFIX}_queue_oldest_wait_seconds", "How long the object that is due longest has waited", value=oldest)
