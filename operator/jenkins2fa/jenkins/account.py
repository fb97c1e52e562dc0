"""An account at a Jenkins controller, and how a Secret describes one.

The keys of a Secret: ``host`` (host and port of the URL, optionally with its path: see ``api/consent.py``), ``username``, ``token``;
``ca.crt`` where the Secret pins the authority that its account is sent to, whatever caRef names; and ``secondFactorSeed`` or ``totp`` where
the account has to answer the second factor on its own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pyotp

from jenkins2fa.api.consent import consents, is_plain, place_of
from jenkins2fa.api.meta import Key
from jenkins2fa.jenkins.errors import HostNotAllowed, SecretMissing

SHORTEST_SEED = 20  # characters


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account of a Jenkins controller. ``secret`` is an API token, or a canary's password.

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
        reason = f"the Secret {key.name} is not for {place_of(url)}: nothing was sent"
        raise HostNotAllowed(f"{reason}. {_how_to_consent(url)}, or correct spec.url")
    username, token = (_required(data, key, name).strip() for name in ("username", "token"))
    return Credentials(username, token, _seed(data, key), _totp(data, key), _pinned_authority(data, key))


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
        return f"Set its key host to {place_of(url)}"
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
