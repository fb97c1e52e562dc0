"""The API server as a person has it who applies a policy and watches what becomes of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kubernetes import client, config, watch

Body = dict[str, Any]
GROUP, VERSION = "jenkins2fa.dev", "v1alpha1"
POLICIES, INSTANCES = "twofactorpolicies", "jenkinsinstances"
PATIENCE = 60.0


class Cluster:
    """One namespace, through one client."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._api = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))
        self._namespace = namespace

    def get(self, plural: str, name: str) -> Body:
        found: Body = self._api.get_namespaced_custom_object(GROUP, VERSION, self._namespace, plural, name)
        return found

    def patch(self, plural: str, name: str, **spec: Any) -> int:
        """Merge into the spec; returns the new generation."""
        body = {"spec": spec}
        found = self._api.patch_namespaced_custom_object(GROUP, VERSION, self._namespace, plural, name, body)
        generation: int = found["metadata"]["generation"]
        return generation

    def annotate(self, plural: str, name: str, value: str) -> None:
        body = {"metadata": {"annotations": {f"{GROUP}/reconcile-at": value}}}
        self._api.patch_namespaced_custom_object(GROUP, VERSION, self._namespace, plural, name, body)

    def patch_status(self, plural: str, name: str, status: Body) -> None:
        self._api.patch_namespaced_custom_object_status(GROUP, VERSION, self._namespace, plural, name, {"status": status})

    def versions(self, plural: str) -> dict[str, str]:
        """resourceVersion by name (with the kind before it): what was written to has another one."""
        items = self._api.list_namespaced_custom_object(GROUP, VERSION, self._namespace, plural)["items"]
        return {f"{plural}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in items}

    def events(self, plural: str) -> Iterator[Body]:
        """Objects as they change, until the reader ends; those that are there come first."""
        yield from (
            event["object"]
            for event in watch.Watch().stream(
                self._api.list_namespaced_custom_object, GROUP, VERSION, self._namespace, plural, timeout_seconds=600
            )
        )


class Watcher:
    """Follows one kind in a thread; as a context manager it begins, and is left alone at the end (its thread is a daemon)."""

    def __init__(self, cluster: Cluster, plural: str) -> None:
        self._cluster, self._plural = cluster, plural
        self._changed = threading.Condition()
        self._seen: dict[str, tuple[float, Body]] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._seen = {}

    def _follow(self) -> None:
        with contextlib.suppress(Exception):  # the server goes away at the end
            for body in self._cluster.events(self._plural):
                with self._changed:
                    self._seen[body["metadata"]["name"]] = (time.perf_counter(), body)
                    self._changed.notify_all()

    def latest(self, name: str) -> Body | None:
        """The object as the watch told of it last; None = it has not yet."""
        with self._changed:
            return self._seen[name][1] if name in self._seen else None

    def until(self, name: str, reached: Callable[[Body], bool]) -> float:
        """Wait until the object is as wanted; returns when (seconds of the performance counter) the watch told so."""

        def there() -> float | None:
            at, body = self._seen.get(name, (0.0, {}))
            return at if body and reached(body) else None

        with self._changed:
            found = self._changed.wait_for(there, PATIENCE)
        if found is None:
            raise SystemExit(f"{name} did not come about in {PATIENCE:g} s; last: {self._seen.get(name)}")
        return found


def condition(body: Body, kind: str) -> str:
    """A condition as status/reason, or an empty text when it is about an older generation or not there."""
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return ""
    return next((f"{one['status']}/{one['reason']}" for one in status.get("conditions") or () if one["type"] == kind), "")
