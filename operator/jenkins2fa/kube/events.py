"""Kubernetes Events about our objects: on transitions only, and the same one again is counted instead of written anew."""

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
SERIES_SECONDS = 1800.0  # an Event that is older is gone, or soon will be: write a new one
LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing to tell: ``action`` is what the operator did, ``reason`` why or with what result, both CamelCase."""

    reason: str
    note: str
    action: str = "Reconcile"
    warning: bool = False


@dataclass(slots=True)
class _Told:
    name: str
    count: int
    at: float


class Events:
    """Thread-safe. An Event that cannot be written is not worth a failed pass: it is logged at debug level."""

    def __init__(self, kubernetes: Kubernetes, instance: str, clock: Callable[[], float]) -> None:
        self._kubernetes, self._instance, self._clock = kubernetes, instance, clock
        self._lock = threading.Lock()
        self._told: OrderedDict[tuple[str, Announcement], _Told] = OrderedDict()

    def tell(self, kind: str, body: Mapping[str, Any], announcement: Announcement) -> None:
        """Tell something about an object (``body``: its metadata is enough)."""
        meta, mark = body["metadata"], (body["metadata"]["uid"], announcement)
        with self._lock:
            told = self._told.get(mark)
            if told is not None and self._clock() - told.at > SERIES_SECONDS:
                told = None
        try:
            if told is None:
                name = f"{meta['name'][:200]}.{uuid.uuid4().hex[:12]}"
                self._kubernetes.create_event(_home(meta), self._event(kind, meta, name, announcement))
                self._remember(mark, _Told(name, 1, self._clock()))
            else:
                series = {"count": told.count + 1, "lastObservedTime": _now()}
                self._kubernetes.patch_event(_home(meta), told.name, {"series": series})
                self._remember(mark, _Told(told.name, told.count + 1, self._clock()))
        except KubernetesError as error:
            with self._lock:
                self._told.pop(mark, None)
            logger.debug("an Event about %s/%s could not be written: %s", meta.get("namespace", ""), meta["name"], error)

    def _remember(self, mark: tuple[str, Announcement], told: _Told) -> None:
        with self._lock:
            self._told[mark] = told
            self._told.move_to_end(mark)
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)

    def _event(self, kind: str, meta: Mapping[str, Any], name: str, announcement: Announcement) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _home(meta)},
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


def _home(meta: Mapping[str, Any]) -> str:
    """The namespace of an Event: that of its object, and ``default`` for a cluster-scoped one."""
    return str(meta.get("namespace") or "default")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
