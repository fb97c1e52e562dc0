"""The Secrets and ConfigMaps that an instance refers to: how they are read, and which controller a Secret consents to.

The key ``host`` of a Secret is host and port of the URL (the port only if it is not the standard one), and optionally a path, such as
``jenkins.example.com/ci``. The account is then sent to that path and below it, and nowhere else on that host.
The error for a host that does not match is raised in ``jenkins/connection.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from jenkins2fa.api.meta import Key

# Characters that no server interprets: no percent-encoding, no backslash, no parameter.
_PLAIN_SEGMENT = re.compile(r"(?!\.\.?$)[A-Za-z0-9._~!$&'()*+,=:@-]+")


class ReferenceUnreadable(Exception):
    """The object does not exist, or may not be read. The message names it, and says what to do."""


class References(Protocol):
    """Reads Secrets and ConfigMaps by name; ``kind`` is ``Secret`` or ``ConfigMap``. Raises ReferenceUnreadable."""

    def read(self, kind: str, key: Key) -> Mapping[str, str]:
        """The data of an object, decoded and at most a minute old."""

    def read_again(self, kind: str, key: Key) -> Mapping[str, str] | None:
        """The data from a new request. None = the last request was less than a second ago."""

    def forget(self, kind: str, key: Key) -> None:
        """Read the object again next time."""


def host_and_port(url: str) -> str:
    """Host and port of a URL, as the key ``host`` must name them: ``jenkins.example.com``, ``127.0.0.1:8080``, ``[::1]:8080``."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else (parts.hostname or "")
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    return host if parts.port in (None, standard) else f"{host}:{parts.port}"


def narrowest_consent(url: str) -> str:
    """The narrowest value of ``host`` that allows a URL: host, port and context path, without the last slash."""
    return host_and_port(url) + urlsplit(url).path.rstrip("/")


def consents(host: str, url: str) -> bool:
    """Whether the key ``host`` of a Secret allows sending its account to a URL."""
    name, _, path = host.strip().partition("/")
    return name.lower() == host_and_port(url).lower() and is_below(path, urlsplit(url).path)


def is_below(prefix: str, path: str) -> bool:
    """Whether a path is ``prefix`` or below it, by whole segments. An empty prefix allows every path, any other only plain paths: a
    server might resolve a path that is not plain to another place."""
    allowed, given = _segments(prefix), _segments(path)
    return not allowed or (is_plain(prefix) and is_plain(path) and given[: len(allowed)] == allowed)


def is_plain(path: str) -> bool:
    """Whether every server resolves the path in the same way: no dot segments, no empty ones, nothing percent-encoded."""
    return all(map(_PLAIN_SEGMENT.fullmatch, _segments(path)))


def _segments(path: str) -> list[str]:
    inner = path.removeprefix("/").removesuffix("/")
    return inner.split("/") if inner else []
