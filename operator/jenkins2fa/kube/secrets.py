"""Secrets and ConfigMaps that instances refer to.

They are read by name with GET and cached for a minute; they are never listed, watched or written.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from jenkins2fa.api.meta import Key
from jenkins2fa.api.references import ReferenceUnreadable
from jenkins2fa.kube.client import Forbidden, Kubernetes, NotFound

LONGEST_USE = 60.0  # seconds
SHORTEST_USE = 1.0


class Reader(Enum):
    """Who reads, for messages about missing rights."""

    OPERATOR = ("the operator", "give its service account get on that object (rbac.references of the chart, deploy/rbac-references.yaml)")
    PERSON = ("you", "ask for the right to get that object, or name another --context")

    @property
    def subject(self) -> str:
        return self.value[0]

    @property
    def way_out(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class _Cached:
    data: Mapping[str, str]
    read_at: float


class ReferenceCache:
    """Implements ``core.references.References``. Thread-safe; raises KubernetesError for errors other than 403 and 404.

    ``clock``: monotonic seconds; ``reader``: whose rights apply, for messages."""

    def __init__(self, kubernetes: Kubernetes, clock: Callable[[], float], reader: Reader = Reader.OPERATOR) -> None:
        self._kubernetes, self._clock, self._reader = kubernetes, clock, reader
        self._lock = threading.Lock()
        self._cached: dict[tuple[str, Key], _Cached] = {}

    def read(self, kind: str, key: Key) -> Mapping[str, str]:
        now = self._clock()
        with self._lock:
            cached = self._cached.get((kind, key))
        if cached is not None and now - cached.read_at < LONGEST_USE:
            return cached.data
        data = self._fetch(kind, key)
        with self._lock:
            self._cached = {name: entry for name, entry in self._cached.items() if now - entry.read_at < LONGEST_USE}
            self._cached[kind, key] = _Cached(data, now)
        return data

    def read_again(self, kind: str, key: Key) -> Mapping[str, str] | None:
        with self._lock:
            cached = self._cached.pop((kind, key), None)
        if cached is None or self._clock() - cached.read_at < SHORTEST_USE:
            return None
        return self.read(kind, key)

    def forget(self, kind: str, key: Key) -> None:
        with self._lock:
            self._cached.pop((kind, key), None)

    def _fetch(self, kind: str, key: Key) -> Mapping[str, str]:
        try:
            body = self._kubernetes.secret(key) if kind == "Secret" else self._kubernetes.config_map(key)
        except NotFound:
            raise ReferenceUnreadable(f"no {kind} {key.name} in namespace {key.namespace}: create it, or correct the reference") from None
        except Forbidden:
            raise ReferenceUnreadable(
                f"{self._reader.subject} may not read the {kind} {key.name} in namespace {key.namespace}: {self._reader.way_out}"
            ) from None
        return _decode(body) if kind == "Secret" else {**body.get("data", {})}


def _decode(body: Mapping[str, Any]) -> dict[str, str]:
    decoded, data = {}, body.get("data")
    for name, value in data.items() if isinstance(data, Mapping) else ():
        try:
            decoded[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (ValueError, TypeError):
            continue  # not UTF-8, so not one of our keys
    return decoded
