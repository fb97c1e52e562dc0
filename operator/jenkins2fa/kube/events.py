"""Kubernetes Events about our objects. One that is reported again is counted as a series instead of written anew."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jenkins2fa.api.meta import API_VERSION
from jenkins2fa.kube.client import Kubernetes, KubernetesError

logger = logging.getLogger(__name__)

COMPONENT = "jenkins2fa.dev/operator"
REMEMBERED = 1000
SERIES_SECONDS = 1800.0  # API servers delete Events after an hour by default, so a new one is written after half of that
LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Announcement:
    """The content of an Event. ``action``: what the operator did; ``reason``: why, or with what result; both CamelCase."""

    reason: str
    note: str
    action: str = "Reconcile"
    warning: bool = False


@dataclass(slots=True)
class _Series:
    """``name``: of the Event; ``count``: how often it was reported; ``at``: when it was last, in monotonic seconds."""

    name: str
    count: int
    at: float


class Events:
    """Thread-safe. An Event that cannot be written does not fail the reconcile; it is only logged at debug level."""

    def __init__(self, kubernetes: Kubernetes, instance: str, clock: Callable[[], float]) -> None:
        self._kubernetes, self._instance, self._clock = kubernetes, instance, clock
        self._lock = threading.Lock()
        self._series: OrderedDict[tuple[str, Announcement], _Series] = OrderedDict()

    def report(self, kind: str, body: Mapping[str, Any], announcement: Announcement) -> None:
        """Write an Event about an object. Of ``body``, only the metadata is used."""
        meta, key = body["metadata"], (body["metadata"]["uid"], announcement)
        with self._lock:
            series = self._series.get(key)
            if series is not None and self._clock() - series.at > SERIES_SECONDS:
                series = None
        try:
            if series is None:
                name = f"{meta['name'][:200]}.{uuid.uuid4().hex[:12]}"
                self._kubernetes.create_event(_event_namespace(meta), self._event(kind, meta, name, announcement))
                self._remember(key, _Series(name, 1, self._clock()))
            else:
                patch = {"series": {"count": series.count + 1, "lastObservedTime": _now()}}
                self._kubernetes.patch_event(_event_namespace(meta), series.name, patch)
                self._remember(key, _Series(series.name, series.count + 1, self._clock()))
        except KubernetesError as error:
            with self._lock:
                self._series.pop(key, None)
            logger.debug("an Event about %s/%s could not be written: %s", meta.get("namespace", ""), meta["name"], error)

    def _remember(self, key: tuple[str, Announcement], series: _Series) -> None:
        with self._lock:
            self._series[key] = series
            self._series.move_to_end(key)
            while len(self._series) > REMEMBERED:
                self._series.popitem(last=False)

    def _event(self, kind: str, meta: Mapping[str, Any], name: str, announcement: Announcement) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _event_namespace(meta)},
            "eventTime": _now(),
            "reportingController": COMPONENT,
            "reportingInstance": self._instance[:128],
            "type": "Warning" if announcement.warning else "Normal",
            "action": announcement.action,
            "reason": announcement.reason,
            "note": announcement.note[:LONGEST_NOTE],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": kind,
                **({"namespace": meta["namespace"]} if meta.get("namespace") else {}),
                "name": meta["name"],
                "uid": meta["uid"],
                "resourceVersion": meta.get("resourceVersion", ""),
            },
        }


def _event_namespace(meta: Mapping[str, Any]) -> str:
    """The namespace of an object's Events: its own, or ``default`` for a cluster-scoped object."""
    return str(meta.get("namespace") or "default")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
