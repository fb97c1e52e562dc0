"""One HTTP session against peers that misbehave: a worker is never held longer than the time limit, and connections are kept."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.deadline import is_local
from jenkins2fa.jenkins.errors import HostNotAllowed, ProtocolError, Unreachable
from jenkins2fa.jenkins.http import Http
from tests.support.raw_server import Asked, RawServer

SECONDS = 0.5
LONG = 10.0  # far less than these peers would take, far more than the time limit


@contextmanager
def peer(*answers: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that gives these replies, one per request, over any number of connections; the list has an item per connection."""
    connections: list[int] = []
    waiting = list(answers)

    def serve() -> None:
        while waiting:
            try:
                client, _ = server.accept()
            except OSError:
                return
            connections.append(1)
            with client:
                while waiting and client.recv(65536):
                    try:
                        waiting.pop(0)(client)
                    except OSError:  # the client has had enough
                        break

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", connections


def say(body: bytes, *more: str) -> Callable[[socket.socket], None]:
    head = "\r\n".join([f"Content-Length: {len(body)}", *more])
    return lambda client: client.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)


def trickle(piece: bytes, first: bytes = b"") -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.sendall(first)
        for _ in range(400):
            client.sendall(piece)
            time.sleep(SECONDS / 5)

    return answer


def drip(head: str, piece: bytes) -> Callable[[socket.socket], None]:
    return trickle(piece, f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())


ENDLESS = [
    pytest.param(trickle(b"H"), id="status-line"),
    pytest.param(trickle(b"HTTP/1.1 100 Continue\r\n\r\n"), id="one-continue-after-another"),
    pytest.param(trickle(b"X-Long: y\r\n", b"HTTP/1.1 200 OK\r\n"), id="headers"),
    pytest.param(trickle(b"y", b"HTTP/1.1 200 OK\r\nX-Long: "), id="one-header"),
]


@pytest.mark.parametrize("answer", ENDLESS)
def test_a_response_head_sent_byte_by_byte_times_out(answer: Callable[[socket.socket], None]) -> None:
    with peer(answer) as (url, _), closing(Http(Connection(url, None, read_seconds=SECONDS))) as http:
        begun = time.monotonic()
        with pytest.raises(Unreachable) as found:
            http.get()
        assert found.value.timed_out
        assert time.monotonic() - begun < LONG


def test_a_handshake_sent_byte_by_byte_times_out() -> None:
    """The head of a TLS record that announces 16 KiB, and then zeros."""
    hello = trickle(b"\x00", b"\x16\x03\x03\x40\x00\x02")
    with (
        peer(hello) as (url, _),
        closing(Http(Connection(url.replace("http:", "https:"), None, connect_seconds=SECONDS, read_seconds=SECONDS))) as http,
    ):
        begun = time.monotonic()
        with pytest.raises(Unreachable) as found:
            http.get()
        assert found.value.timed_out
        assert time.monotonic() - begun < LONG


def test_a_request_read_byte_by_byte_times_out() -> None:
    def sip(client: socket.socket) -> None:
        while client.recv(1000):
            time.sleep(SECONDS / 5)

    connection = {"connect_seconds": SECONDS, "read_seconds": SECONDS}
    with peer(sip) as (url, _), closing(Http(Connection(url, None, **connection))) as http:
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            http.post("scriptText", {"script": "x" * 20_000_000})
        assert time.monotonic() - begun < LONG


def test_a_name_with_many_silent_addresses_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full answers no further connection: what a firewall that drops packets looks like."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as silent, contextlib.ExitStack() as stack:
        address = silent.getsockname()
        for _ in range(4):  # fill the queue
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(address)
        entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry] * 100)
        http = stack.enter_context(
            closing(Http(Connection(f"http://silent.localhost:{address[1]}/", None, connect_seconds=0.2, read_seconds=SECONDS)))
        )
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="no connection within"):
            http.get()
        assert time.monotonic() - begun < LONG


@pytest.mark.parametrize(
    "head", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, b"HTTP/1.1 2x OK\r\n"]
)
def test_a_malformed_response_head_is_reported(head: bytes) -> None:
    with (
        peer(lambda client: client.sendall(head + b"\r\n")) as (url, _),
        closing(Http(Connection(url, None))) as http,
        pytest.raises(ProtocolError, match="not HTTP, or too long"),
    ):
        http.get()


def test_a_slow_response_within_the_time_limit_is_accepted() -> None:
    def answer(client: socket.socket) -> None:
        for part in (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2", b"00 OK\r\nContent-Le", b"ngth: 4\r\n\r\nwo", b"rd"):
            client.sendall(part)
            time.sleep(0.02)

    with peer(answer) as (url, _), closing(Http(Connection(url, None))) as http:
        assert http.get().text == "word"


@pytest.mark.parametrize(("head", "piece"), [("Content-Length: 400", b"a"), ("Transfer-Encoding: chunked", b"1\r\na\r\n")])
def test_a_body_sent_byte_by_byte_times_out(head: str, piece: bytes) -> None:
    with peer(drip(head, piece)) as (url, _), closing(Http(Connection(url, None, read_seconds=SECONDS))) as http:
        begun = time.monotonic()
        with pytest.raises(Unreachable) as found:
            http.get()
        assert found.value.timed_out
        assert time.monotonic() - begun < LONG


def test_connections_are_kept_and_compressed_responses_are_decompressed() -> None:
    texts = ["one", "\N{SNOWMAN}" * 100_000, ""]
    answers = [say(texts[0].encode()), say(gzip.compress(texts[1].encode()), "Content-Encoding: gzip"), say(b"")]
    with peer(*answers) as (url, connections), closing(Http(Connection(url, None))) as http:
        assert [http.get().text for _ in texts] == texts
        assert len(connections) == 1


def test_a_connection_is_closed_after_a_form_that_may_be_unread() -> None:
    """A challenged request is answered before its body was read, and the connection is closed at once or a little later."""

    def challenge(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /tfaUserAuth/\r\nContent-Length: 0\r\n\r\n")
        while client.recv(65536):
            pass

    with peer(challenge, say(b"page")) as (url, connections), closing(Http(Connection(url, None))) as http:
        assert http.post("scriptText", {"script": "x"}).status == 302
        assert http.get().text == "page"
        assert len(connections) == 2


def cut_short(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + b"a" * 40)
    client.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [say(b"no gzip", "Content-Encoding: gzip"), cut_short])
def test_a_damaged_body_is_reported(answer: Callable[[socket.socket], None]) -> None:
    with (
        peer(answer) as (url, _),
        closing(Http(Connection(url, None, read_seconds=SECONDS))) as http,
        pytest.raises(ProtocolError, match="cut short"),
    ):
        http.get()


# --- in a pod, nothing is sent to the pod itself or its node ---


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:169.254.1.1",
     "64:ff9b::7f00:1", "224.0.0.1"],
)  # fmt: skip
def test_addresses_of_this_machine_are_recognized_in_any_spelling(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1", "64:ff9b::c000:201", "::ffff:10.0.0.1"])
def test_other_addresses_are_allowed(address: str) -> None:
    assert not is_local(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "jenkins.localhost"])
def test_a_loopback_target_is_refused_in_a_pod(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []
    with RawServer(lambda one: asked.append(one)) as server:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        here, there = ((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "192.0.2.1"))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [there, here])
        remote = Connection(server.url.replace("127.0.0.1", host), Credentials("admin", "token"), only_remote=True)
        with closing(Http(remote)) as http, pytest.raises(HostNotAllowed, match=r"nothing was sent: correct spec\.url") as found:
            http.get()
    assert "--allow-loopback" in str(found.value)
    assert asked == []
