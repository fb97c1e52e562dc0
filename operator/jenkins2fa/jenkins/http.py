"""An HTTP session of one account: no redirects, no settings from the environment, limits on time and size, TLS always verified."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.auth import HTTPBasicAuth

from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.deadline import TimedAdapter, within
from jenkins2fa.jenkins.errors import CertificateRejected, JenkinsError, ProtocolError, Unreachable

# urllib3 logs the headers of a malformed answer, and with them any secret that a proxy repeats there.
logging.getLogger("urllib3").setLevel(logging.ERROR)

LONGEST_ANSWER = 8 * 1024 * 1024
PIECE = 65536
MOST_COOKIES = 30
NO_HTTP = "the head of the answer is not HTTP, or too long: check that spec.url is the URL of Jenkins"

OUTCOMES = {301: "Redirected", 302: "Redirected", 303: "Redirected", 401: "Unauthorized", 403: "Forbidden", 503: "Starting"}


@dataclass(frozen=True, slots=True)
class Answer:
    """``location`` is the Location header, unchanged."""

    status: int
    headers: Mapping[str, str]
    text: str
    location: str = ""


class _OwnAuthority(TimedAdapter):
    """Trusts only the given authority."""

    def __init__(self, pem: str) -> None:
        self._context = ssl.create_default_context(cadata=pem)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Does nothing: requests would add its bundle of public authorities to the context."""


class _Session(requests.Session):
    """Ignores redirects: requests reads the body of a redirect without limit, and parses its Location, even if it does not follow it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Http:
    """A keep-alive session. Not for use by two threads at once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._session = _Session()
        self._kept: dict[tuple[str, str], requests.PreparedRequest] = {}  # prepared requests by method and path, without body and cookies
        self._session.trust_env = False  # no proxies, netrc or CA bundles from the environment
        self._session.headers["User-Agent"] = "jenkins-2fa-operator"
        if connection.credentials is not None:
            self._session.auth = HTTPBasicAuth(connection.credentials.username.encode(), connection.credentials.secret.encode())
        self._session.mount("http://", TimedAdapter())
        self._session.mount("https://", _adapter(connection))

    def get(self, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """GET below the instance's URL. Raises Unreachable, CertificateRejected or ProtocolError."""
        return self._send("GET", path, headers, None)

    def post(self, path: str, data: Mapping[str, str] | bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """POST of a form (bytes: encoded already) below the instance's URL. Raises Unreachable, CertificateRejected or ProtocolError."""
        return self._send("POST", path, headers, data if isinstance(data, bytes) else urlencode(data).encode())

    def forget_cookies(self) -> None:
        self._session.cookies.clear()

    def close(self) -> None:
        self._session.close()

    def _send(self, method: str, path: str, headers: Mapping[str, str] | None, data: bytes | None) -> Answer:
        begun = time.monotonic()
        try:
            answer = self._exchange(method, path, headers, data)
        except JenkinsError as problem:
            self.connection.requested(problem.reason, time.monotonic() - begun)
            raise
        self.connection.requested(_outcome(answer.status), time.monotonic() - begun)
        if len(self._session.cookies) > MOST_COOKIES:
            self.forget_cookies()  # Jenkins sets two or three; more would be kept and sent as long as the session lives
        if data is not None and 300 <= answer.status < 400:
            self._session.close()  # Jenkins closes a connection whose request it has not read to the end, so it cannot be reused
        return answer

    def _exchange(self, method: str, path: str, headers: Mapping[str, str] | None, data: bytes | None) -> Answer:
        where, limits = _place(self.connection.url), (self.connection.connect_seconds, self.connection.read_seconds)
        try:
            with (
                within(sum(limits), only_remote=self.connection.only_remote),
                self._session.send(
                    self._prepare(method, path, headers, data), allow_redirects=False, stream=True, timeout=limits
                ) as response,
            ):
                return Answer(response.status_code, response.headers, _read(response), response.headers.get("Location", ""))
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as problem:
            raise CertificateRejected(f"{where}: {_why_tls(problem, self.connection)}") from None
        except requests.exceptions.ConnectTimeout:
            raise Unreachable(
                f"{where}: no connection within {self.connection.connect_seconds:g} s: check the URL, DNS and network policies"
            ) from None
        except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError):
            raise Unreachable(f"{where}: no answer within {self.connection.read_seconds:g} s", timed_out=True) from None
        except (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError):  # from reading the body, which requests does not do here
            raise ProtocolError(f"{where}: the answer was cut short", transient=True) from None
        except requests.exceptions.ConnectionError as problem:
            if "timed out" in str(problem).lower():
                raise Unreachable(f"{where}: no answer within {self.connection.read_seconds:g} s", timed_out=True) from None
            if _is_malformed(problem):
                raise ProtocolError(f"{where}: {NO_HTTP}", transient=True) from None
            raise Unreachable(f"{where}: {_why_not(problem)}: check the URL, DNS and network policies") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as problem:
            raise ProtocolError(f"{where}: {type(problem).__name__}", transient=True) from None

    def _prepare(self, method: str, path: str, headers: Mapping[str, str] | None, data: bytes | None) -> requests.PreparedRequest:
        """The request for this path with this body.

        URL, account and headers are prepared once: the operator sends to the same path again and again, and preparing costs as much as
        sending."""
        kept = self._kept.get((method, path))
        if kept is None:
            kept = requests.Request(method, self.connection.url + path, headers=self._session.headers, auth=self._session.auth).prepare()
            self._stay_below(kept.url or "")
            self._kept[method, path] = kept
        prepared = kept.copy()
        prepared.headers.update(headers or {})
        if data is not None:
            prepared.body = data
            prepared.headers.update({"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(data))})
        if len(self._session.cookies):
            prepared.prepare_cookies(self._session.cookies)
        return prepared

    def _stay_below(self, target: str) -> None:
        """A path may come from an answer of Jenkins; after normalisation it must still be below the URL that the account is for."""
        base = requests.Request("GET", self.connection.url).prepare().url or ""
        if not urllib3.util.parse_url(target).url.startswith(urllib3.util.parse_url(base).url):  # parse_url resolves dot segments
            raise ProtocolError("a page of Jenkins points outside spec.url: nothing was sent there", transient=False)


def _adapter(connection: Connection) -> TimedAdapter:
    if connection.trusted is None:
        return TimedAdapter()
    try:
        return _OwnAuthority(connection.trusted)
    except (ssl.SSLError, ValueError, TypeError) as problem:  # TypeError: characters outside ASCII
        raise CertificateRejected(f"{connection.trusted_by} does not hold a certificate in PEM form") from problem


def _read(response: requests.Response) -> str:
    """The whole body as UTF-8, up to LONGEST_ANSWER. The exchange's deadline covers it."""
    parts, size = [], 0
    for part in _pieces(response):
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            raise ProtocolError(f"the answer is larger than {LONGEST_ANSWER // 1024 // 1024} MiB", transient=False)
    return b"".join(parts).decode("utf-8", errors="replace")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives. ``iter_content`` waits for a whole piece, which takes hours when it arrives byte by byte."""
    while piece := response.raw.read1(PIECE, decode_content=True):
        yield piece


def _outcome(status: int) -> str:
    return OUTCOMES.get(status) or ("Answered" if status < 400 else "ClientError" if status < 500 else "ServerError")


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _why_tls(problem: Exception, connection: Connection) -> str:
    text = str(problem)
    if "Hostname mismatch" in text or "IP address mismatch" in text or "doesn't match" in text:
        return "its certificate is for another name: correct spec.url, or the certificate"
    if "expired" in text:
        return "its certificate has expired"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        if connection.pinned:
            return "its certificate is not signed by the authority in the key ca.crt of the Secret: correct that key, or the certificate"
        return "its certificate is not signed by a known authority: name the authority in caRef"
    return "TLS failed: check that this port serves https"


def _is_malformed(problem: requests.exceptions.ConnectionError) -> bool:
    """Whether the answer was not HTTP, or had too many headers. An empty answer does not count as one."""
    cause = problem.args[0] if problem.args else None
    inner = cause.args[-1] if isinstance(cause, urllib3.exceptions.ProtocolError) and cause.args else None
    return isinstance(inner, HTTPException) and not isinstance(inner, RemoteDisconnected)


def _why_not(problem: Exception) -> str:
    text = str(problem)
    for sign, sentence in (
        ("Name or service not known", "unknown host name"),
        ("NameResolutionError", "unknown host name"),
        ("Connection refused", "connection refused"),
        ("Connection reset", "connection reset"),
        ("RemoteDisconnected", "the connection was closed without an answer"),
        ("Connection aborted", "the connection was closed without an answer"),
    ):
        if sign in text:
            return sentence
    return "no connection"
