"""A guard that keeps the test process on loopback: it refuses connections and DNS queries to other machines.

It is an audit hook, so it also sees libraries and their threads. It does not see child processes.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

_attempts: list[str] = []
_installed = False


class LeftTheMachine(OSError):
    """A test tried to contact another machine."""


def install() -> None:
    """Install the guard; a second call does nothing. An audit hook cannot be removed."""
    global _installed
    if not _installed:
        sys.addaudithook(_audit)
        _installed = True


def take_attempts() -> list[str]:
    """Return the refused connections since the last call, and forget them."""
    taken = _attempts.copy()
    _attempts.clear()
    return taken


def is_allowed(host: str) -> bool:
    """True for loopback addresses and `localhost`, and for the host of JENKINS_URL, against which somebody wants to test."""
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    chosen = urlsplit(os.environ.get("JENKINS_URL", "")).hostname
    try:
        return ipaddress.ip_address(host).is_loopback or host == chosen or _is_address_of(host, chosen)
    except ValueError:  # a name
        return host == chosen


def _is_address_of(address: str, name: str | None) -> bool:
    return bool(name) and any(entry[4][0] == address for entry in socket.getaddrinfo(name, None))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        stream, address = arguments
        if stream.family in (socket.AF_INET, socket.AF_INET6) and not is_allowed(str(address[0])):
            _attempts.append(f"{address[0]}:{address[1]}")
            raise LeftTheMachine(f"tests stay on loopback, not {address[0]}:{address[1]}")
    elif event == "socket.getaddrinfo":
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        if host is not None and not _is_literal(host) and not is_allowed(host):
            # The answer of a resolver without a network. A test of a wrong name relies on it, so it does not count as an attempt.
            raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {host} (tests ask no name server)")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
