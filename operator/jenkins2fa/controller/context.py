"""What every reconcile works with, and the questions about the cluster that several of them ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key, Metadata
from jenkins2fa.controller.cache import Cache, key_of
from jenkins2fa.controller.instance.subject import Memories
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, WorkQueue
from jenkins2fa.controller.telemetry.metrics import Metrics
from jenkins2fa.core.break_glass import active
from jenkins2fa.core.precedence import Resolution, resolve
from jenkins2fa.jenkins.connection import Connections
from jenkins2fa.jenkins.evidence import Place, log_evidence
from jenkins2fa.jenkins.probe import Note
from jenkins2fa.kube.client import Body, Forbidden, Kubernetes, NotFound
from jenkins2fa.kube.events import Announcement, Events
from jenkins2fa.kube.lease import OtherInstallations

CONFIRMED_SECONDS = 1.0  # how long an object that was just read counts as live
SERVED_BY_ANOTHER_SECONDS = 30.0  # until the next check of whether another installation still serves an object
NAMES = {Kind.INSTANCE: instance.KIND, Kind.POLICY: policy.KIND, Kind.BREAK_GLASS: break_glass.KIND}
_PLURALS = {Kind.INSTANCE: instance.PLURAL, Kind.POLICY: policy.PLURAL, Kind.BREAK_GLASS: break_glass.PLURAL}


def plural_of(kind: Kind, key: Key) -> str:
    """The resource of an object. Cluster policies are policies without a namespace."""
    return policy.CLUSTER_PLURAL if kind is Kind.POLICY and not key.namespace else _PLURALS[kind]


def name_of(kind: Kind, key: Key) -> str:
    """The kind of an object, as Kubernetes names it."""
    return policy.CLUSTER_KIND if kind is Kind.POLICY and not key.namespace else NAMES[kind]


@dataclass(frozen=True, slots=True)
class Options:
    """How the operator was started.

    ``namespaces``: empty = the whole cluster; ``require_approval``: a change that weakens protection waits for an approval;
    ``experimental``: editions of the plugin that could not be tested may be written to; ``loopback``: a controller may run on this machine;
    ``serving``: host and port of metrics and health, None = not served; ``evidence``: where evidence of probes is kept, None = nowhere."""

    namespaces: tuple[str, ...] = ()
    lease_namespace: str = "default"
    serving: tuple[str, int] | None = None
    workers: int = 64
    identity: str = "operator"
    release_grace: timedelta = timedelta(seconds=60)
    lease_duration: timedelta = timedelta(seconds=15)
    longest_break_glass: timedelta = timedelta(hours=4)
    require_approval: bool = False
    experimental: bool = False
    loopback: bool = True
    evidence: Place | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """``clock``: monotonic seconds; ``now``: the time in UTC; ``random``: 0 to 1; ``leading``: whether we may write;
    ``cluster``: the UID that names this cluster in owner records; ``note``: called with the evidence of each probe;
    ``confirmed``: UID and generation of a policy or break-glass when it was last read, and when that was;
    ``unreported``: by UID, the status before a write whose answer was lost, so its transitions are not reported yet."""

    options: Options
    kubernetes: Kubernetes
    cache: Cache
    queue: WorkQueue
    mapping: EventMapping
    connections: Connections
    events: Events
    memories: Memories
    clock: Callable[[], float]
    now: Callable[[], datetime]
    random: Callable[[], float]
    leading: Callable[[], bool]
    cluster: Callable[[], str]
    other_installations: OtherInstallations
    note: Note = log_evidence
    metrics: Metrics = field(default_factory=Metrics)
    unreported: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    confirmed: dict[tuple[Kind, Key], tuple[tuple[Any, Any], float]] = field(default_factory=dict)

    def live(self, kind: Kind, key: Key) -> Body | None:
        """The object as it is now; None when it is gone. A change causes the same reconciles as if the watch had reported it."""
        try:
            body = self.kubernetes.get(plural_of(kind, key), key)
        except NotFound:
            known = self.cache.body(kind, key)
            if known is not None:
                self.mapping.map_event(kind, "DELETED", known)
            return None
        self.mapping.map_event(kind, "MODIFIED", body)
        return body

    def is_live(self, kind: Kind, known: Metadata) -> bool:
        """Whether a policy or break-glass still exists, with the generation that we know.

        One that was confirmed less than a second ago is not read again: a change of it causes a reconcile of every instance it selects."""
        expected = (known.uid, known.generation)
        confirmed = self.confirmed.get((kind, known.key))
        if confirmed is not None and confirmed[0] == expected and self.clock() - confirmed[1] < CONFIRMED_SECONDS:
            return True
        at, body = self.clock(), self.live(kind, known.key)
        meta = (body or {}).get("metadata") or {}
        self.confirmed[(kind, known.key)] = (meta.get("uid"), meta.get("generation")), at
        return (meta.get("uid"), meta.get("generation")) == expected

    def break_glasses(self, instance: JenkinsInstance) -> tuple[TwoFactorBreakGlass, ...]:
        """The break-glasses that ask to open an instance now, in order of precedence. One that was open and has ended does not count."""
        break_glasses = active(self.cache.break_glasses(), instance.meta, self.now())
        return tuple(break_glass for break_glass in break_glasses if not self._is_closed(break_glass))

    def _is_closed(self, break_glass: TwoFactorBreakGlass) -> bool:
        body = self.cache.body(Kind.BREAK_GLASS, break_glass.meta.key) or {}
        return bool((body.get("status") or {}).get("closedAt"))

    def is_served_by_another(self, kind: Kind, body: Body) -> bool:
        """Whether another installation serves an object. If so, an Event of the object reports it."""
        other = self.other_installations.serving(body)
        if other is not None:
            note = f"served by the operator whose Lease is in namespace {other}: the operator of {self.other_installations.own} ignores it"
            self.events.report(name_of(kind, key_of(body)), body, Announcement("ServedByAnother", note, warning=True))
        return other is not None

    def resolve(self, instance: JenkinsInstance) -> Resolution:
        return resolve(instance, self.cache.policies(), self.cache.namespaces())


def cluster_uid(kubernetes: Kubernetes, lease_namespace: str) -> str:
    """The UID that names this cluster in owner records: that of kube-system or, where that may not be read, of the Lease's namespace.

    Both are unique, and exist as long as the installation does. Raises KubernetesError when neither may be read."""
    try:
        return str(kubernetes.namespace("kube-system")["metadata"]["uid"])
    except (Forbidden, NotFound):
        return str(kubernetes.namespace(lease_namespace)["metadata"]["uid"])
