"""The objects as last seen. Filled by watch events and by full lists; thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import APPROVE_WEAKENING, RECONCILE_AT, TAKE_OVER, Key
from jenkins2fa.api.parse import parse_break_glass, parse_instance, parse_policy_or_scope
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.queue import Kind

Body = Mapping[str, Any]
Parsed = JenkinsInstance | TwoFactorPolicy | TwoFactorBreakGlass
Fingerprint = tuple[Any, ...]


PARSERS: Mapping[Kind, Callable[[Body], Parsed | None]] = {
    Kind.INSTANCE: parse_instance,
    Kind.POLICY: parse_policy_or_scope,
    Kind.BREAK_GLASS: parse_break_glass,
}


class Cache:
    """Keeps each body as it was received, and its parsed form. An object that cannot be parsed is kept too: its status must be written."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bodies: dict[Kind, dict[Key, Body]] = {kind: {} for kind in Kind}
        self._parsed: dict[Kind, dict[Key, Parsed]] = {kind: {} for kind in Kind}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._synced = False

    @property
    def synced(self) -> bool:
        """Whether everything has been listed. Before that, an object that is absent here may exist."""
        return self._synced

    def put(self, kind: Kind, body: Body) -> bool:
        """Keep an object. Returns whether anything changed that a reconcile depends on; see :func:`fingerprint`."""
        key = key_of(body)
        with self._lock:
            changed, known = self.changes(kind, body), self._bodies[kind].get(key)
            if known is None or not is_older(body, known):
                self._bodies[kind][key] = body
            if changed:
                self._parse(kind, key, body)
            return changed

    def changes(self, kind: Kind, body: Body) -> bool:
        """Whether :meth:`put` would return that something changed."""
        known = self.body(kind, key_of(body))
        return known is None or (not is_older(body, known) and fingerprint(known) != fingerprint(body))

    def remove(self, kind: Kind, key: Key, uid: str | None = None) -> bool:
        """Drop an object, if ``uid`` is given only the one with that UID. Returns whether it was there."""
        with self._lock:
            known = self._bodies[kind].get(key)
            if known is None or (uid is not None and known["metadata"].get("uid") != uid):
                return False
            del self._bodies[kind][key]
            self._parsed[kind].pop(key, None)
            return True

    def replace(self, kind: Kind, bodies: Iterable[Body]) -> list[Key]:
        """Replace everything by a full list. Returns the keys of what is new, changed or gone."""
        listed = {key_of(body): body for body in bodies}
        with self._lock:
            gone = [key for key in self._bodies[kind] if key not in listed]
            for key in gone:
                self.remove(kind, key)
            return gone + [key for key, body in listed.items() if self.put(kind, body)]

    def mark_synced(self) -> None:
        self._synced = True

    # --- reading ---

    def keys(self, kind: Kind) -> list[Key]:
        with self._lock:
            return list(self._bodies[kind])

    def body(self, kind: Kind, key: Key) -> Body | None:
        with self._lock:
            return self._bodies[kind].get(key)

    def bodies(self, kind: Kind) -> list[Body]:
        with self._lock:
            return list(self._bodies[kind].values())

    def instance(self, key: Key) -> JenkinsInstance | None:
        """The instance; None when it does not exist or is invalid."""
        with self._lock:
            instance = self._parsed[Kind.INSTANCE].get(key)
            return instance if isinstance(instance, JenkinsInstance) else None

    def instances(self) -> list[JenkinsInstance]:
        with self._lock:
            return [instance for instance in self._parsed[Kind.INSTANCE].values() if isinstance(instance, JenkinsInstance)]

    def policy(self, key: Key) -> TwoFactorPolicy | None:
        with self._lock:
            policy = self._parsed[Kind.POLICY].get(key)
            return policy if isinstance(policy, TwoFactorPolicy) else None

    def policies(self) -> list[TwoFactorPolicy]:
        """Every policy with a valid selector. This includes invalid policies: no other policy takes their place."""
        with self._lock:
            return [policy for policy in self._parsed[Kind.POLICY].values() if isinstance(policy, TwoFactorPolicy)]

    def break_glass(self, key: Key) -> TwoFactorBreakGlass | None:
        with self._lock:
            break_glass = self._parsed[Kind.BREAK_GLASS].get(key)
            return break_glass if isinstance(break_glass, TwoFactorBreakGlass) else None

    def break_glasses(self) -> list[TwoFactorBreakGlass]:
        with self._lock:
            return [parsed for parsed in self._parsed[Kind.BREAK_GLASS].values() if isinstance(parsed, TwoFactorBreakGlass)]

    # --- namespaces' labels ---

    def put_namespace(self, body: Body) -> bool:
        """Keep a namespace's labels. Returns whether they changed."""
        meta = body.get("metadata") or {}
        labels = dict(meta.get("labels") or {})
        with self._lock:
            changed = self._namespaces.get(meta["name"]) != labels
            self._namespaces[meta["name"]] = labels
            return changed

    def remove_namespace(self, name: str) -> None:
        with self._lock:
            self._namespaces.pop(name, None)

    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """Labels by namespace; empty when namespaces are not watched."""
        with self._lock:
            return dict(self._namespaces)

    def _parse(self, kind: Kind, key: Key, body: Body) -> None:
        try:
            parsed = PARSERS[kind](body)
        except InvalidObject:
            parsed = None
        if parsed is None:
            self._parsed[kind].pop(key, None)
        else:
            self._parsed[kind][key] = parsed


def key_of(body: Body) -> Key:
    """The key of an object from the API server, which has validated its metadata."""
    return Key(body["metadata"].get("namespace", ""), body["metadata"]["name"])


def fingerprint(body: Body) -> Fingerprint:
    """What a reconcile depends on: two bodies with the same fingerprint cause the same reconcile.

    Status, managedFields and the resource version are not part of it."""
    meta = body["metadata"]
    annotations = meta.get("annotations") or {}
    requests = tuple(annotations.get(name) for name in (RECONCILE_AT, TAKE_OVER, APPROVE_WEAKENING))
    labels = tuple(sorted((meta.get("labels") or {}).items()))
    return meta.get("uid"), meta.get("generation"), bool(meta.get("deletionTimestamp")), requests, labels


def is_older(body: Body, known: Body) -> bool:
    """Whether ``body`` is an earlier state of the same object than ``known``: a list may arrive after a newer watch event."""
    meta, known_meta = body.get("metadata") or {}, known.get("metadata") or {}
    if meta.get("uid") != known_meta.get("uid"):
        return False
    version, known_version = meta.get("resourceVersion") or "", known_meta.get("resourceVersion") or ""
    return version.isdecimal() and known_version.isdecimal() and int(version) < int(known_version)
