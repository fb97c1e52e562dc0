"""One HTTP session against peers that misbehave: a worker is never held longer than the time limit, and connections are kept."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from jenkins2fa.jenkins.errors import ProtocolError, Unreachable
from jenkins2fa.jenkins.http import Connection, Http

SECONDS = 0.5


@contextmanager
def peer(*answers: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that gives these answers, one for each request, over as many connections as the client opens; the list counts those."""
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


def drip(head: str, piece: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for _ in range(40):
            client.sendall(piece)
            time.sleep(SECONDS / 5)

    return answer


def say(body: bytes, *more: str) -> Callable[[socket.socket], None]:
    head = "\r\n".join([f"Content-Length: {len(body)}", *more])
    return lambda client: client.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)


@pytest.mark.parametrize(("head", "piece"), [("Content-Length: 40", b"a"), ("Transfer-Encoding: chunked", b"1\r\na\r\n")])
def test_a_body_that_comes_byte_by_byte_holds_nobody(head: str, piece: bytes) -> None:
    with peer(drip(head, piece)) as (url, _), closing(Http(Connection(url, None, read_seconds=SECONDS))) as http:
        begun = time.monotonic()
        with pytest.raises(Unreachable) as found:
            http.get()
        assert found.value.timed_out
        assert time.monotonic() - begun < 3 * SECONDS


def test_a_connection_is_kept_and_packed_answers_are_unpacked() -> None:
    texts = ["one", "\N{SNOWMAN}" * 100_000, ""]
    answers = [say(texts[0].encode()), say(gzip.compress(texts[1].encode()), "Content-Encoding: gzip"), say(b"")]
    with peer(*answers) as (url, connections), closing(Http(Connection(url, None))) as http:
        assert [http.get().text for _ in texts] == texts
        assert len(connections) == 1


def cut_short(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + b"a" * 40)
    client.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [say(b"no gzip", "Content-Encoding: gzip"), cut_short])
def test_a_damaged_body_is_told(answer: Callable[[socket.socket], None]) -> None:
    with (
        peer(answer) as (url, _),
        closing(Http(Connection(url, None, read_seconds=SECONDS))) as http,
        pytest.raises(ProtocolError, match="cut short"),
    ):
        http.get()
