"""Objects as watch events deliver them, and a cache with its event mapping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.queue import Kind, WorkQueue

Body = dict[str, Any]


KINDS = {
    "JenkinsInstance": Kind.INSTANCE,
    "TwoFactorPolicy": Kind.POLICY,
    "ClusterTwoFactorPolicy": Kind.POLICY,
    "TwoFactorBreakGlass": Kind.BREAK_GLASS,
}


def instance(name: str = "build", namespace: str = "team", **changes: Any) -> Body:
    spec = {"url": f"https://{name}.example.com/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}}
    return body("JenkinsInstance", name, namespace, spec, changes)


def policy(name: str = "baseline", namespace: str = "team", selector: Body | None = None, spec: Body | None = None, **changes: Any) -> Body:
    wanted = {"instanceSelector": selector or {}, "mode": "Disabled", **(spec or {})}
    return body("TwoFactorPolicy", name, namespace, wanted, changes)


def body(kind: str, name: str, namespace: str, spec: Body, changes: Body) -> Body:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "10", **changes}
    status = meta.pop("status", {})
    return {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec, "status": status}


GUARDED = {"namespaceSelector": {"matchLabels": {"guarded": "yes"}}}


def cluster_policy(spec: Body, name: str = "floor", **changes: Any) -> Body:
    found = body("ClusterTwoFactorPolicy", name, "", {"instanceSelector": {}, "mode": "Disabled", **spec}, changes)
    del found["metadata"]["namespace"]
    return found


def break_glass(name: str = "incident", namespace: str = "team", selector: Body | None = None, **changes: Any) -> Body:
    spec = {"instanceSelector": selector or {}, "expiresAt": "2026-12-01T12:00:00Z", "reason": "INC-1"}
    return body("TwoFactorBreakGlass", name, namespace, spec, changes)


@dataclass
class EventBench:
    cache: Cache = field(default_factory=Cache)

    def __post_init__(self) -> None:
        self.queue = WorkQueue(lambda: 0.0, lambda: 0.5)
        self.mapping = EventMapping(self.cache, self.queue)

    def map_event(self, *bodies: Body, event: str | None = "MODIFIED") -> set[str]:
        """Map an event for each object; the keys that are due then, as `instance team/build`."""
        for one in bodies:
            self.mapping.map_event(KINDS[one["kind"]], event, one)
        return self.due()

    def due(self) -> set[str]:
        found = set()
        while (work := self.queue.take(block=False)) is not None:
            self.queue.done(work)
            found.add(str(work.key))
        return found
