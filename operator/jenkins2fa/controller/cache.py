"""The objects as last seen, and which of them concern each other. Filled by Kopf's events and by full lists; thread-safe."""

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
    """Bodies are kept as they came; the parsed form is made once. What cannot be parsed is kept too: it has a status to write."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bodies: dict[Kind, dict[Key, Body]] = {kind: {} for kind in Kind}
        self._parsed: dict[Kind, dict[Key, Parsed]] = {kind: {} for kind in Kind}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._synced = False

    @property
    def synced(self) -> bool:
        """Whether everything has been listed: before that, absence means nothing."""
        return self._synced

    def put(self, kind: Kind, body: Body) -> bool:
        """Keep an object; whether something changed that passes work from (not status, managedFields or the resource version)."""
        key = key_of(body)
        with self._lock:
            news, known = self.is_news(kind, body), self._bodies[kind].get(key)
            if known is None or not is_older(body, known):
                self._bodies[kind][key] = body
            if news:
                self._parse(kind, key, body)
            return news

    def is_news(self, kind: Kind, body: Body) -> bool:
        """Whether :meth:`put` would say that something changed."""
        known = self.body(kind, key_of(body))
        return known is None or (not is_older(body, known) and fingerprint(known) != fingerprint(body))

    def remove(self, kind: Kind, key: Key, uid: str | None = None) -> bool:
        """Drop an object (only the one with ``uid``, when given); whether it was there."""
        with self._lock:
            known = self._bodies[kind].get(key)
            if known is None or (uid is not None and known["metadata"].get("uid") != uid):
                return False
            del self._bodies[kind][key]
            self._parsed[kind].pop(key, None)
            return True

    def replace(self, kind: Kind, bodies: Iterable[Body]) -> list[Key]:
        """Take a full list as the truth; the keys of what is new, changed or gone."""
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
        """The instance when it is there and valid."""
        with self._lock:
            found = self._parsed[Kind.INSTANCE].get(key)
            return found if isinstance(found, JenkinsInstance) else None

    def instances(self) -> list[JenkinsInstance]:
        with self._lock:
            return [found for found in self._parsed[Kind.INSTANCE].values() if isinstance(found, JenkinsInstance)]

    def policy(self, key: Key) -> TwoFactorPolicy | None:
        with self._lock:
            found = self._parsed[Kind.POLICY].get(key)
            return found if isinstance(found, TwoFactorPolicy) else None

    def policies(self) -> list[TwoFactorPolicy]:
        """Every policy that selects something, those that are ``invalid`` included: no other one takes their place."""
        with self._lock:
            return [found for found in self._parsed[Kind.POLICY].values() if isinstance(found, TwoFactorPolicy)]

    def break_glass(self, key: Key) -> TwoFactorBreakGlass | None:
        with self._lock:
            found = self._parsed[Kind.BREAK_GLASS].get(key)
            return found if isinstance(found, TwoFactorBreakGlass) else None

    def break_glasses(self) -> list[TwoFactorBreakGlass]:
        with self._lock:
            return [found for found in self._parsed[Kind.BREAK_GLASS].values() if isinstance(found, TwoFactorBreakGlass)]

    # --- namespaces' labels ---

    def put_namespace(self, body: Body) -> bool:
        """Keep a namespace's labels; whether they changed."""
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
    """Of an object as the API server tells it: it has checked what its metadata holds."""
    return Key(body["metadata"].get("namespace", ""), body["metadata"]["name"])


def fingerprint(body: Body) -> Fingerprint:
    """What passes work from: two bodies with the same fingerprint lead to the same pass."""
    meta = body["metadata"]
    annotations = meta.get("annotations") or {}
    asked = tuple(annotations.get(name) for name in (RECONCILE_AT, TAKE_OVER, APPROVE_WEAKENING))
    labels = tuple(sorted((meta.get("labels") or {}).items()))
    return meta.get("uid"), meta.get("generation"), bool(meta.get("deletionTimestamp")), asked, labels


def is_older(one: Body, other: Body) -> bool:
    """Whether ``one`` is an earlier state of the same object than ``other`` (a list and the watch may overtake each other)."""
    ours, theirs = one.get("metadata") or {}, other.get("metadata") or {}
    if ours.get("uid") != theirs.get("uid"):
        return False
    versions = [meta.get("resourceVersion") or "" for meta in (ours, theirs)]
    return all(version.isdecimal() for version in versions) and int(versions[0]) < int(versions[1])
