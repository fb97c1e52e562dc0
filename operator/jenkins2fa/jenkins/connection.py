"""How to reach a controller: its URL, the account of a Secret that consents to it, and the authority to trust.

The keys of a Secret: ``host`` (host and port of the URL, optionally with its path: see ``api/references.py``), ``username``, ``token``;
``ca.crt`` where the Secret pins the authority that its account is sent to, whatever caRef names; and ``secondFactorSeed`` or ``totp`` where
the account has to answer the second factor on its own.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pyotp

from jenkins2fa.api.instance import AuthorityRef, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.references import References, ReferenceUnreadable, consents, is_plain, narrowest_consent
from jenkins2fa.jenkins.errors import CertificateRejected, HostNotAllowed, SecondFactorRejected, SecretMissing

SHORTEST_SEED = 20  # characters
PAUSE_SECONDS = 600.0  # after a refused answer to the second factor
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0

# Called after each request with its outcome (a value of OUTCOMES, or the error's reason) and its duration in seconds.
Requested = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account of a controller. ``secret`` is an API token, or a canary's password.

    ``second_factor_seed``: the seed of its answers to security questions; ``totp``: its key for one-time codes (base32). Without either
    it cannot answer a second factor. None of them is ever shown.
    ``authority``: the certificate authority in PEM form that must have signed the server's certificate before the account is sent."""

    username: str
    secret: str = field(repr=False)
    second_factor_seed: str | None = field(default=None, repr=False)
    totp: str | None = field(default=None, repr=False)
    authority: str | None = field(default=None, repr=False)

    def masked(self, text: str) -> str:
        """The text with every usable secret hidden, both as it is and as it is sent."""
        sent = base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()
        for hidden in (sent, self.secret, self.second_factor_seed, self.totp):
            text = text.replace(hidden, "(hidden)") if hidden else text
        return text


def credentials_of(data: Mapping[str, str], key: Key, url: str) -> Credentials:
    """The account in the decoded data of the Secret ``key``, for a URL. Raises HostNotAllowed or SecretMissing."""
    if not consents(_required(data, key, "host"), url):
        reason = f"the Secret {key.name} is not for {narrowest_consent(url)}: nothing was sent"
        raise HostNotAllowed(f"{reason}. {_how_to_consent(url)}, or correct spec.url")
    username, token = (_required(data, key, name).strip() for name in ("username", "token"))
    return Credentials(username, token, _seed(data, key), _totp(data, key), _pinned_authority(data, key))


class Attempts:
    """Limits attempts at the second factor, so that no account gets locked: one at a time, and a pause after a refusal.

    Shared by every session of an account at a controller; thread-safe. ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: tuple[Credentials | None, float, str] | None = None
        self._step: tuple[Credentials | None, int] | None = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Two concurrent log-ins of one account would get each other's questions."""
        with self._lock:
            yield

    def may_answer(self, credentials: Credentials | None) -> None:
        """Raises SecondFactorRejected while the last refusal of these credentials is less than ten minutes old."""
        if self._refused is None:
            return
        refused, at, message = self._refused
        if refused == credentials and self._clock() - at < PAUSE_SECONDS:
            raise SecondFactorRejected(message)

    def spend(self, credentials: Credentials | None, step: int) -> None:
        """Records that the code of a time step is used: each code is valid for one log-in (RFC 6238, 5.2)."""
        self._step = (credentials, step)

    def is_spent(self, credentials: Credentials | None, step: int) -> bool:
        return self._step == (credentials, step)

    def has_spent(self, credentials: Credentials | None) -> bool:
        """Whether this process has sent a code of these credentials."""
        return self._step is not None and self._step[0] == credentials

    def refuse(self, credentials: Credentials | None, message: str) -> SecondFactorRejected:
        """Records a refusal; returns the error to raise."""
        self._refused = (credentials, self._clock(), message)
        return SecondFactorRejected(message)

    def succeed(self) -> None:
        self._refused = None


@dataclass(frozen=True, slots=True)
class Connection:
    """The URL of a controller and the account to use there. ``url`` ends with a slash; ``authority`` is a certificate authority in PEM,
    None = the well-known ones. An authority that the account pins takes precedence.

    ``connect_seconds`` limits the connection to one address of the host, ``read_seconds`` a whole answer; an exchange never takes longer
    than their sum.
    ``attempts``: shared by all sessions of this account.
    ``only_remote``: the URL must not resolve to this machine or its link (see ``deadline.within``).
    ``now``: the time in UTC that Jenkins' clock is compared with."""

    url: str
    credentials: Credentials | None
    authority: str | None = field(default=None, repr=False)
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    only_remote: bool = False
    attempts: Attempts = field(default_factory=Attempts, compare=False, repr=False)
    requested: Requested = field(default=lambda _outcome, _seconds: None, compare=False, repr=False)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), compare=False, repr=False)

    @property
    def pinned(self) -> bool:
        return self.credentials is not None and self.credentials.authority is not None

    @property
    def trusted(self) -> str | None:
        """The certificate authority in use, in PEM form; None = the well-known ones."""
        return self.credentials.authority if self.credentials is not None and self.credentials.authority is not None else self.authority

    @property
    def trusted_by(self) -> str:
        """The setting that names this authority, for messages."""
        return "the key ca.crt of the Secret" if self.pinned else "caRef"


class Connections:
    """Thread-safe. Raises SecretMissing, HostNotAllowed or CertificateRejected; errors of the API server are not caught.

    ``clock``: monotonic seconds; ``only_remote``: no instance may resolve to this machine."""

    def __init__(self, references: References, clock: Callable[[], float], *, only_remote: bool = False) -> None:
        self._references, self._clock, self._only_remote = references, clock, only_remote
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
        attempts = self._attempts_of(spec.url, key)
        return Connection(spec.url, account, authority, only_remote=self._only_remote, attempts=attempts)

    def bare_connection(self, instance: JenkinsInstance, canaries: Iterable[Credentials]) -> Connection:
        """How to reach an instance as one of its canaries. caRef is read only for those that pin no authority."""
        pinned = all(canary.authority for canary in canaries)
        authority = None if pinned else self._authority(instance.meta.namespace, instance.spec.authority)
        return Connection(instance.spec.url, None, authority, only_remote=self._only_remote)

    def canary(self, instance: JenkinsInstance, secret: str) -> Credentials:
        """An account for probes; its Secret must consent to the host as well."""
        return self._account(Key(instance.meta.namespace, secret), instance.spec.url)

    def attempts_of_canary(self, instance: JenkinsInstance, secret: str) -> Attempts:
        """Shared by all probes with that account."""
        return self._attempts_of(instance.spec.url, Key(instance.meta.namespace, secret))

    def _attempts_of(self, url: str, key: Key) -> Attempts:
        with self._lock:
            return self._attempts.setdefault((url, key), Attempts(self._clock))

    def forget(self, instance: JenkinsInstance) -> None:
        """Makes the next use read an instance's Secrets and authority again, because the controller did not accept them."""
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


def seed_problem(seed: str) -> str | None:
    """What is wrong with a seed, or None. Its strength is that of the account's second factor."""
    if len(seed) < SHORTEST_SEED:
        return f"is shorter than {SHORTEST_SEED} characters: make one with `openssl rand -base64 32`"
    return None


def totp_problem(secret: str) -> str | None:
    """What is wrong with a TOTP key, or None."""
    try:
        pyotp.TOTP(secret.replace(" ", "")).at(0)
    except (binascii.Error, ValueError):
        return "is not a TOTP key: write it in base32 (letters A to Z and digits 2 to 7)"
    return None


def _how_to_consent(url: str) -> str:
    if is_plain(urlsplit(url).path):
        return f"Set its key host to {narrowest_consent(url)}"
    return "Its key host has a path, so write the path of spec.url without dot segments, empty segments or percent-encoding"


def _required(data: Mapping[str, str], key: Key, name: str) -> str:
    if not (data.get(name) or "").strip():
        raise SecretMissing(f"the Secret {key.name} has no key {name}: it needs host, username and token")
    return data[name]


def _pinned_authority(data: Mapping[str, str], key: Key) -> str | None:
    """An empty key is an error: falling back to other authorities would widen what is trusted."""
    if "ca.crt" in data and not data["ca.crt"].strip():
        raise SecretMissing(f"the key ca.crt of the Secret {key.name} is empty: put the certificate authority in, or remove the key")
    return data.get("ca.crt")


def _totp(data: Mapping[str, str], key: Key) -> str | None:
    secret = data.get("totp", "").strip()
    if not secret:
        return None
    problem = totp_problem(secret)
    if problem is not None:
        raise SecretMissing(f"the key totp of the Secret {key.name} {problem}")
    return secret


def _seed(data: Mapping[str, str], key: Key) -> str | None:
    """The seed of the account's second factor. An absent key means that the account has none; an empty or short value is an error."""
    if "secondFactorSeed" not in data:
        return None
    seed = data["secondFactorSeed"].strip()
    problem = seed_problem(seed)
    if problem:
        raise SecretMissing(f"the key secondFactorSeed of the Secret {key.name} {problem}")
    return seed
