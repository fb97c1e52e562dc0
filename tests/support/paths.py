"""Request targets as nobody would spell them, made by rules, and a client that sends them exactly as they are.

A target is a route (pieces of known and unknown paths, one after the other), each segment with edits on its bytes, joined by
separators. Nothing here is a list of known spellings: whatever the rules can express may come.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hypothesis import strategies as st

Edit = Callable[[bytes, int], bytes]
OWN, OTHER = "<own>", "<other>"


def _pieces(text: str) -> tuple[tuple[str, ...], ...]:
    """One path a word."""
    return tuple(tuple(path.split("/")) for path in text.split())


OPEN_PIECES = _pieces("""
    login logout static/abc123 adjuncts/abc123 css images scripts jsbundles i18n favicon.ico plugin/miniorange-two-factor
    tfaUserAuth tfaUserAuth/securityQuestionAuth tfaUserAuth/otpOverEmailAuth user/<own> user/<own>/tfaConfiguration
    user/<own>/securityQuestionConfig otpOverEmailConfig otpOverEmail api/json queue log descriptorByName crumbIssuer
    jsbundles/app.js plugin/miniorange-two-factor/js/tfaConfiguration.js
""")
OPEN_PAGES = _pieces("""
    login logout static/abc123/jsbundles/app.js plugin/miniorange-two-factor/js/tfaConfiguration.js favicon.ico tfaUserAuth
    tfaUserAuth/securityQuestionAuth user/<own>/tfaConfiguration user/<own>/securityQuestionConfig
    user/<own>/descriptorByName/io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig/fillFirstSecurityQuestionItems
""")
ACTIONS = _pieces("""
    scriptText script manage manage/scriptText configure systemInfo job/x job/x/build job/x/buildWithParameters job/x/config.xml
    user/<other>/configure user/<other>/securityQuestionConfig/reset user/<own>/configSubmit me me/securityQuestionConfig/reset
    createItem safeRestart quietDown pluginManager/api/json tfaGlobalConfig/saveGlobalTfaSettings manage/tfaGlobalConfig cli
    computer view/all descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken
""")
SEPARATORS = [
    written.encode() for written in "// /./ /%2e/ /a/../ /a/%2e%2e/ /..;/ ;a=b/ \\ /\\ %2f %2F %5c %252f %00/ %c0%af ／ /%09/ /%/".split()
]
ENDS = [written.encode() for written in "/ /. /.. /%2e%2e /.css ;.js ;x=.css %3f.css %00.css %23.js %20 . % %2 \\ //".split()]
QUERIES = (b"?", b"?token=t", b"?/login", b"?a=.css", b"?x=/static/", b"#/login", b"?%2e%2e/login", b"?token=t&/tfaUserAuth/")
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def place(self) -> str:
        """The path of the place that a redirect leads to."""
        return urlsplit(self.headers.get("Location", "")).path


def _percent(segment: bytes, at: int) -> bytes:
    return segment[:at] + b"%%%02X" % segment[at] + segment[at + 1 :]


def _overlong(segment: bytes, at: int) -> bytes:
    sign = segment[at]
    return segment[:at] + b"%%%02x%%%02x" % (0xC0 | sign >> 6, 0x80 | sign & 0x3F) + segment[at + 1 :]


def _full_width(segment: bytes, at: int) -> bytes:
    sign = segment[at]
    return segment[:at] + (chr(0xFEE0 + sign).encode() if 0x20 < sign < 0x7F else bytes([sign])) + segment[at + 1 :]


def _lenient(segment: bytes, at: int) -> bytes:
    """An escape whose digits are none, but have the same low bits."""
    sign = segment[at]
    return segment[:at] + b"%" + bytes([0x20 | sign >> 4]) + b"%x" % (sign & 0xF) + segment[at + 1 :]


EDITS: tuple[Edit, ...] = (
    _percent,
    lambda segment, at: _percent(segment, at).lower(),
    lambda segment, at: b"".join(b"%%%02x" % sign for sign in segment),
    lambda segment, at: _percent(segment, at).replace(b"%", b"%25"),
    lambda segment, at: segment[:at] + b"%%u%04x" % segment[at] + segment[at + 1 :],
    _overlong,
    _full_width,
    _lenient,
    lambda segment, at: segment.swapcase(),
    lambda segment, at: segment[:at] + segment[at : at + 1].swapcase() + segment[at + 1 :],
    lambda segment, at: segment[:at] + b";" + segment[at:],
    lambda segment, at: segment + b";jsessionid=1",
    lambda segment, at: segment[:at] + b"\\" + segment[at:],
    lambda segment, at: segment[:at] + b"%2f" + segment[at:],
    lambda segment, at: segment[:at] + b"/" + segment[at:],
    lambda segment, at: segment[:at] + b"%",
    lambda segment, at: segment + b".",
    lambda segment, at: segment + b"%00",
    lambda segment, at: segment + b"+",
    lambda segment, at: b"%20" + segment,
)


def _segments(own: str, other: str) -> st.SearchStrategy[list[bytes]]:
    """An open page or pieces of one, an action behind or not, something in between and after; flattened."""
    noise = st.text(max_size=6).map(lambda text: (text,))
    between = st.lists(st.one_of(st.sampled_from([("..",), (".",), ("",), ("x",)]), st.sampled_from(OPEN_PIECES), noise), max_size=1)
    names = {OWN: own, OTHER: other}
    page = st.sampled_from(OPEN_PAGES).map(lambda piece: [piece])
    begun = st.tuples(st.one_of(page, st.lists(st.sampled_from(OPEN_PIECES), max_size=2)), between)
    actions = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=1)
    parts = st.one_of(
        st.tuples(page),
        st.tuples(actions),
        st.builds(lambda two, last: (*two, last), begun, actions),
        st.builds(lambda two, last: (*two, last), begun, between),
    )
    return parts.map(
        lambda some: [names.get(word, word).encode(errors="replace") for part in some for piece in part for word in piece] or [b"x"]
    )


@st.composite
def targets(draw: st.DrawFn, context: str, own: str, other: str) -> bytes:
    """What stands between method and version in the request line. `context`: the context path, `own` and `other`: user ids."""
    segments = draw(_segments(own, other))
    odd, separator, end, query, prefix = -1, b"/", b"", b"", context.encode()
    for change in draw(st.lists(st.sampled_from(["edit", "edit", "separator", "separator", "end", "query", "prefix"]), max_size=3)):
        at = draw(st.integers(0, len(segments) - 1))
        if change == "edit" and segments[at]:
            segments[at] = draw(st.sampled_from(EDITS))(segments[at], draw(st.integers(0, 40)) % len(segments[at]))
        elif change == "separator":
            odd, separator = at, draw(st.sampled_from(SEPARATORS))
        elif change == "end":
            end = draw(st.sampled_from(ENDS))
        elif change == "query":
            query = draw(st.sampled_from(QUERIES))
        elif change == "prefix":
            prefix = draw(st.sampled_from(_prefixes(prefix)))
    path = b"".join((separator if at == odd else b"/") + segment for at, segment in enumerate(segments))
    return _sendable(prefix + path + end + query)


def _sendable(target: bytes) -> bytes:
    """Without what would end the request line; a target begins with a slash or a scheme."""
    clean = b"".join(bytes([sign]) if sign > 0x20 and sign != 0x7F else b"%%%02X" % sign for sign in target)
    return clean if clean.startswith((b"/", b"http:", b"\\", b"%")) else b"/" + clean


def _prefixes(context: bytes) -> list[bytes]:
    """Other ways to begin than with the context path."""
    return [
        b"",
        b"/" + context,
        context * 2,
        context + b"/",
        context.replace(b"c", b"%63"),
        context.upper(),
        b"http://elsewhere.invalid" + context,
    ]


def _sendable(target: bytes) -> bytes:
    """Without what would end the request line; a target begins with a slash or a scheme."""
    clean = b"".join(bytes([sign]) if sign > 0x20 and sign != 0x7F else b"%%%02X" % sign for sign in target)
    return clean if clean.startswith((b"/", b"http:", b"\\", b"%")) else b"/" + clean


class Wire:
    """One kept-alive connection that writes a request target byte for byte."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self._socket: socket.socket | None = None

    def open(self) -> socket.socket:
        """The connection, for who writes a request in parts."""
        if self._socket is None:
            self._socket = socket.create_connection((self.host, self.port), timeout=20)
        return self._socket

    def send(self, method: str, target: bytes, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        try:
            return self._send(method, target, headers, body)
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            self.close()  # the server ends a connection after what it cannot parse
            return self._send(method, target, headers, body)

    def _send(self, method: str, target: bytes, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = self.open()
        lines = {"Host": f"{self.host}:{self.port}", "Content-Length": str(len(body)), **headers}
        head = b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items())
        connection.sendall(method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        answer = Answer(response.status, response.headers, response.read().decode(errors="replace"))
        if response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.close()
        self._socket = None
