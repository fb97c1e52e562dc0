"""How to reach the controller of an instance: its URL, the account of a Secret that consents to it, and the authority to trust."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from jenkins2fa.api.instance import AuthorityRef, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.core.references import References, ReferenceUnreadable
from jenkins2fa.jenkins.account import Credentials, credentials_of
from jenkins2fa.jenkins.errors import CertificateRejected, HostNotAllowed, SecretMissing
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.login.attempts import Attempts


class Connections:
    """Thread-safe. Raises SecretMissing, HostNotAllowed or CertificateRejected; errors of the API server are not caught.

    ``clock``: monotonic seconds; ``away``: no instance may resolve to this machine."""

    def __init__(self, references: References, clock: Callable[[], float], *, away: bool = False) -> None:
        self._references, self._clock, self._away = references, clock, away
        self._lock = threading.Lock()
        # By URL and Secret. They outlive connections, or a wrong answer would be sent in every reconcile.
        self._attempts: dict[tuple[str, Key], Attempts] = {}

    def connection(self, instance: JenkinsInstance) -> Connection:
        """How to reach an instance as the operator's account."""
        namespace, spec = instance.meta.namespace, instance.spec
        if spec.credentials is None:
            raise SecretMissing("spec.credentialsRef is missing: without it the operator can only probe with canaries (access: ProbeOnly)")
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
        """Makes the next use read an instance's Secrets and authority anew: the controller did not accept what they held."""
        spec = instance.spec
        for name in filter(None, (spec.credentials, *(canary.secret for canary in spec.canaries))):
            self._references.forget("Secret", Key(instance.meta.namespace, name))
        if spec.authority:
            self._references.forget(spec.authority.kind, Key(instance.meta.namespace, spec.authority.name))

    def _account(self, key: Key, url: str) -> Credentials:
        """The account of a Secret. An unusable one is read again once: the Secret or the URL may just have been corrected."""
        try:
            return credentials_of(self._read("Secret", key), key, url)
        except (HostNotAllowed, SecretMissing):
            data = self._read_again("Secret", key)
            if data is None:
                raise
        return credentials_of(data, key, url)

    def _authority(self, namespace: str, reference: AuthorityRef | None) -> str | None:
        if reference is None:
            return None
        data = self._read(reference.kind, Key(namespace, reference.name))
        if not data.get(reference.key):
            raise CertificateRejected(f"caRef: the {reference.kind} {reference.name} has no key {reference.key}")
        return data[reference.key]

    def _read(self, kind: str, key: Key) -> Mapping[str, str]:
        try:
            return self._references.read(kind, key)
        except ReferenceUnreadable as problem:
            raise SecretMissing(str(problem)) from None

    def _read_again(self, kind: str, key: Key) -> Mapping[str, str] | None:
        try:
            return self._references.read_again(kind, key)
        except ReferenceUnreadable as problem:
            raise SecretMissing(str(problem)) from None
