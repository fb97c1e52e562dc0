"""Connections that end in time, however slowly the other side reads or writes, and that do not lead to this machine where they must not.

A socket's own time limit holds for each single read, so a peer that sends one byte at a time could hold a worker for hours. Here one
deadline bounds a whole exchange: every address that is tried, the TLS handshake, the request, and head and body of the answer.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import socket
import time
from collections.abc import Iterator
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from jenkins2fa.jenkins.errors import HostNotAllowed

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
RECORD = 16384  # bytes: what TLS sends at once

HERE = (
    "spec.url resolves to the operator's own pod or node (a loopback or link-local address), and nothing was sent: correct spec.url or the "
    "DNS record of its host; if Jenkins runs in the same pod, start the operator with --allow-loopback"
)

# When the exchange that this thread is busy with has to be over, by time.monotonic(). A context variable, because urllib3 makes the
# connections, and hands no argument of ours to them.
_end: ContextVar[float | None] = ContextVar("end of the exchange", default=None)


# Likewise: whether a connection to this machine itself is refused.
_away: ContextVar[bool] = ContextVar("only other machines", default=False)


@contextlib.contextmanager
def within(seconds: float, *, away: bool = False) -> Iterator[None]:
    """Everything that this thread does with a :class:`TimedAdapter` inside of it raises TimeoutError once the time is up; with ``away``
    HostNotAllowed, before anything is sent, for a host with an address of this machine or of its link."""
    end, refused = _end.set(time.monotonic() + seconds), _away.set(away)
    try:
        yield
    finally:
        _away.reset(refused)
        _end.reset(end)


def is_here(address: str) -> bool:
    """Whether an IP address is of this machine or of its link only (the metadata service of a cloud is), however it is written."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or _translated(ip) or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a translator would lead to (RFC 6052)."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in TRANSLATED else None


def _left(limit: float | None = None) -> float:
    """Seconds until the deadline, at most ``limit``. Raises TimeoutError when there are none."""
    end = _end.get()
    left = [one for one in (limit, None if end is None else end - time.monotonic()) if one is not None]
    if not left:
        raise RuntimeError("an exchange without a deadline")
    if min(left) <= 0:
        raise TimeoutError("timed out")
    return min(left)


class _InTime(io.RawIOBase):
    """What a socket receives, until the deadline or so many seconds from now."""

    def __init__(self, received: socket.socket, seconds: float | None) -> None:
        self._socket, self._raw = received, received.makefile("rb", buffering=0)
        self._end = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(None if self._end is None else self._end - time.monotonic()))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock, sock.gettimeout()))


class _Timed(HTTPConnection):
    response_class = _TimedResponse

    def _new_conn(self) -> socket.socket:
        """Like urllib3's, but a name with many silent addresses is tried until the deadline only."""
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as problem:
            raise NameResolutionError(self.host, self, problem) from problem  # type: ignore[arg-type]
        if _away.get() and any(is_here(str(address[0])) for *_, address in found):
            raise HostNotAllowed(HERE)
        refused: OSError = OSError("no address")
        for family, kind, protocol, _, address in found:
            try:
                return self._connect_to(family, kind, protocol, address)
            except OSError as problem:
                refused = problem
        if isinstance(refused, TimeoutError):
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from refused
        raise NewConnectionError(self, f"Failed to establish a new connection: {refused}") from refused

    def _connect_to(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        """Leaves the socket with the seconds that the handshake may take."""
        begun, seconds = time.monotonic(), _left(self.timeout)
        made = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                made.setsockopt(*option)
            made.settimeout(seconds)
            made.connect(address)
            made.settimeout(max(0.001, seconds - (time.monotonic() - begun)))
        except BaseException:
            made.close()
            raise
        return made

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left(self.timeout))
        super().send(data)


class _TimedTls(_Timed, HTTPSConnection):
    def send(self, data: Any) -> None:
        """In pieces, because with TLS each of them may take as long as the time limit allows for all."""
        pieces = [data[at : at + RECORD] for at in range(0, len(data), RECORD)] if isinstance(data, bytes) else [data]
        for piece in pieces:
            super().send(piece)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls


class TimedAdapter(HTTPAdapter):
    """Its requests have to be sent within :func:`within`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
