"""Secrets and certificate authorities that instances refer to: read by name, kept at most a minute, sent only where they consent to.

The keys of a Secret: ``host`` (host and port of the URL, optionally with its path: see ``api/consent.py``), ``username``, ``token``;
``ca.crt`` where the Secret pins the authority that its account is sent to, whatever caRef names; and ``secondFactorSeed`` or ``totp`` where
the account has to pass the second factor by itself.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from jenkins2fa.api.consent import consents, is_plain, place_of
from jenkins2fa.api.instance import AuthorityRef, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.jenkins.errors import CertificateRejected, HostNotAllowed, SecretMissing
from jenkins2fa.jenkins.http import Connection, Credentials
from jenkins2fa.jenkins.login.attempts import Attempts
from jenkins2fa.jenkins.login.flow import seed_problem
from jenkins2fa.jenkins.login.one_time_code import totp_problem
from jenkins2fa.kube.client import Forbidden, Kubernetes, NotFound

LONGEST_USE = 60.0  # seconds
SHORTEST_USE = 1.0


class Reader(Enum):
    """Whose rights decide what can be read."""

    OPERATOR = ("the operator", "give its service account get on that object (rbac.references of the chart, deploy/rbac-references.yaml)")
    PERSON = ("you", "ask for the right to get that object, or name another --context")

    @property
    def subject(self) -> str:
        return self.value[0]

    @property
    def way_out(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class _Held:
    data: Mapping[str, str]
    read: float


class CredentialStore:
    """Thread-safe. Raises SecretMissing, HostNotAllowed or CertificateRejected; errors of the API server pass through.

    ``reader``: who reads, for messages; ``away``: no instance may lead to this very machine."""

    def __init__(
        self, kubernetes: Kubernetes, clock: Callable[[], float], reader: Reader = Reader.OPERATOR, *, away: bool = False
    ) -> None:
        self._kubernetes, self._clock, self._reader, self._away = kubernetes, clock, reader, away
        self._lock = threading.Lock()
        self._held: dict[tuple[str, Key], _Held] = {}
        # By URL and Secret. They outlive connections, or a wrong answer would be sent in every pass.
        self._attempts: dict[tuple[str, Key], Attempts] = {}

    def connection(self, instance: JenkinsInstance) -> Connection:
        """How to reach an instance as the operator's account."""
        namespace, spec = instance.meta.namespace, instance.spec
        if spec.credentials is None:
            raise SecretMissing("there is no credentialsRef, so there are only canaries to look with (access: ProbeOnly)")
        key = Key(namespace, spec.credentials)
        account = self._account(key, spec.url)
        authority = account.authority or self._authority(namespace, spec.authority)
        with self._lock:
            attempts = self._attempts.setdefault((spec.url, key), Attempts(self._clock))
        return Connection(spec.url, account, authority, away=self._away, attempts=attempts)

    def bare_connection(self, instance: JenkinsInstance, canaries: Iterable[Credentials]) -> Connection:
        """How to reach an instance as one of its canaries. caRef is read only for those that pin no authority."""
        pinned = all(canary.authority for canary in canaries)
        authority = None if pinned else self._authority(instance.meta.namespace, instance.spec.authority)
        return Connection(instance.spec.url, None, authority, away=self._away)

    def canary(self, instance: JenkinsInstance, secret: str) -> Credentials:
        """An account for probes; its Secret must consent to the host as well."""
        return self._account(Key(instance.meta.namespace, secret), instance.spec.url)

    def forget(self, instance: JenkinsInstance) -> None:
        """Read an instance's Secrets and authority anew next time: what they held did not do."""
        spec = instance.spec
        read = [("Secret", name) for name in (spec.credentials, spec.probes.challenged, spec.probes.exempt) if name]
        read += [(spec.authority.kind, spec.authority.name)] if spec.authority else []
        with self._lock:
            for kind, name in read:
                self._held.pop((kind, Key(instance.meta.namespace, name)), None)

    def _account(self, key: Key, url: str) -> Credentials:
        """The account of a Secret. One that does not do is read again first: it, and the URL, may just have been corrected."""
        try:
            return _credentials(self._read("Secret", key), key, url)
        except (HostNotAllowed, SecretMissing):
            with self._lock:
                held = self._held.pop(("Secret", key), None)
            if held is None or self._clock() - held.read < SHORTEST_USE:
                raise
        return _credentials(self._read("Secret", key), key, url)

    def _authority(self, namespace: str, reference: AuthorityRef | None) -> str | None:
        if reference is None:
            return None
        data = self._read(reference.kind, Key(namespace, reference.name))
        if not data.get(reference.key):
            raise CertificateRejected(f"caRef: the {reference.kind} {reference.name} has no key {reference.key}")
        return data[reference.key]

    def _read(self, kind: str, key: Key) -> Mapping[str, str]:
        now = self._clock()
        with self._lock:
            held = self._held.get((kind, key))
        if held is not None and now - held.read < LONGEST_USE:
            return held.data
        data = self._fetch(kind, key)
        with self._lock:
            self._held = {mark: one for mark, one in self._held.items() if now - one.read < LONGEST_USE}
            self._held[kind, key] = _Held(data, now)
        return data

    def _fetch(self, kind: str, key: Key) -> Mapping[str, str]:
        try:
            body = self._kubernetes.secret(key) if kind == "Secret" else self._kubernetes.config_map(key)
        except NotFound:
            raise SecretMissing(f"no {kind} {key.name} in namespace {key.namespace}: create it, or correct the reference") from None
        except Forbidden:
            raise SecretMissing(
                f"{self._reader.subject} may not read the {kind} {key.name} in namespace {key.namespace}: {self._reader.way_out}"
            ) from None
        return _decode(body) if kind == "Secret" else {**body.get("data", {})}


def _credentials(data: Mapping[str, str], key: Key, url: str) -> Credentials:
    if not consents(_required(data, key, "host"), url):
        raise HostNotAllowed(f"the Secret {key.name} is not for {place_of(url)}: nothing was sent. {_way_out(url)}, or correct spec.url")
    username, token = (_required(data, key, name).strip() for name in ("username", "token"))
    return Credentials(username, token, _seed(data, key), _totp(data, key), _pinned_authority(data, key))


def _way_out(url: str) -> str:
    if is_plain(urlsplit(url).path):
        return f"Set its key host to {place_of(url)}"
    return "Where its key host has a path, the path of spec.url must have no dot segments, no empty ones, no percent-encoding: spell it so"


def _pinned_authority(data: Mapping[str, str], key: Key) -> str | None:
    """An empty key is a mistake, and no reason to trust others."""
    if "ca.crt" in data and not data["ca.crt"].strip():
        raise SecretMissing(f"the key ca.crt of the Secret {key.name} is empty: put the certificate authority in, or remove the key")
    return data.get("ca.crt")


def _decode(body: Mapping[str, Any]) -> dict[str, str]:
    decoded, data = {}, body.get("data")
    for name, value in data.items() if isinstance(data, Mapping) else ():
        try:
            decoded[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (ValueError, TypeError):
            continue  # not a text: not one of ours
    return decoded


def _required(data: Mapping[str, str], key: Key, name: str) -> str:
    if not (data.get(name) or "").strip():
        raise SecretMissing(f"the Secret {key.name} has no key {name}: it needs host, username and token")
    return data[name]


def _totp(data: Mapping[str, str], key: Key) -> str | None:
    secret = data.get("totp", "").strip()
    if not secret:
        return None
    problem = totp_problem(secret)
    if problem is not None:
        raise SecretMissing(f"the key totp of the Secret {key.name} {problem}")
    return secret


def _seed(data: Mapping[str, str], key: Key) -> str | None:
    """The seed of the account's second factor. An absent key means that it has none; an empty one is a mistake, like a short one."""
    if "secondFactorSeed" not in data:
        return None
    seed = data["secondFactorSeed"].strip()
    problem = seed_problem(seed)
    if problem:
        raise SecretMissing(f"the key secondFactorSeed of the Secret {key.name} {problem}")
    return seed
