"""Connections with one deadline for a whole exchange, and with a ban on addresses of this machine.

The time limit of a socket applies to each single read, so a peer that sends one byte at a time could keep a worker busy for hours. The
deadline covers the whole exchange: every address that is tried, the TLS handshake, the request, and the head and body of the answer.
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

OWN_ADDRESS = (
    "spec.url resolves to the operator's own pod or node (a loopback or link-local address), and nothing was sent: correct spec.url or the "
    "DNS record of its host; if Jenkins runs in the same pod, start the operator with --allow-loopback"
)

# The deadline of this thread's exchange, by time.monotonic(), and whether connections to this machine are refused. They are context
# variables because urllib3 creates the connections and passes no arguments of ours to them.
_deadline: ContextVar[float | None] = ContextVar("deadline of the exchange", default=None)
_only_remote: ContextVar[bool] = ContextVar("only other machines", default=False)


@contextlib.contextmanager
def within(seconds: float, *, only_remote: bool = False) -> Iterator[None]:
    """Limits an exchange of this thread that uses a :class:`TimedAdapter`: it raises TimeoutError when the time is up.

    ``only_remote``: raise HostNotAllowed, before anything is sent, for a host with an address of this machine or of its link."""
    deadline, remote = _deadline.set(time.monotonic() + seconds), _only_remote.set(only_remote)
    try:
        yield
    finally:
        _only_remote.reset(remote)
        _deadline.reset(deadline)


def is_local(address: str) -> bool:
    """Whether an IP address belongs to this machine or only to its link (as a cloud's metadata service does), in any notation."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or _translated(ip) or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a translator would send this address (RFC 6052)."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in TRANSLATED else None


def _left(limit: float | None = None) -> float:
    """Seconds until the deadline, at most ``limit``. Raises TimeoutError when there are none."""
    deadline = _deadline.get()
    limits = [seconds for seconds in (limit, None if deadline is None else deadline - time.monotonic()) if seconds is not None]
    if not limits:
        raise RuntimeError("an exchange without a deadline")
    if min(limits) <= 0:
        raise TimeoutError("timed out")
    return min(limits)


class _TimedReader(io.RawIOBase):
    """Reads from a socket, until the deadline or for so many seconds from now."""

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
        self.fp = io.BufferedReader(_TimedReader(sock, sock.gettimeout()))


class _Timed(HTTPConnection):
    response_class = _TimedResponse

    def _new_conn(self) -> socket.socket:
        """Like urllib3's, but tries the addresses of a name only until the deadline, however many do not answer."""
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as problem:
            raise NameResolutionError(self.host, self, problem) from problem  # type: ignore[arg-type]
        if _only_remote.get() and any(is_local(str(address[0])) for *_, address in addresses):
            raise HostNotAllowed(OWN_ADDRESS)
        failure: OSError = OSError("no address")
        for family, kind, protocol, _, address in addresses:
            try:
                return self._connect_to(family, kind, protocol, address)
            except OSError as problem:
                failure = problem
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from failure
        raise NewConnectionError(self, f"Failed to establish a new connection: {failure}") from failure

    def _connect_to(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        """The connected socket. Its time limit is what is left for the TLS handshake."""
        begun, seconds = time.monotonic(), _left(self.timeout)
        connected = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                connected.setsockopt(*option)
            connected.settimeout(seconds)
            connected.connect(address)
            connected.settimeout(max(0.001, seconds - (time.monotonic() - begun)))
        except BaseException:
            connected.close()
            raise
        return connected

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left(self.timeout))
        super().send(data)


class _TimedTls(_Timed, HTTPSConnection):
    def send(self, data: Any) -> None:
        """Sends in pieces: TLS applies the socket's time limit to each record, so a large request could exceed the deadline."""
        pieces = [data[at : at + RECORD] for at in range(0, len(data), RECORD)] if isinstance(data, bytes) else [data]
        for piece in pieces:
            super().send(piece)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls


class TimedAdapter(HTTPAdapter):
    """An adapter for requests that are sent inside :func:`within`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
