"""The guard that keeps tests on this machine: it refuses, and fails the test even if the error is swallowed."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.support import network

ELSEWHERE = "203.0.113.7"  # TEST-NET-3 of RFC 5737, belongs to nobody


def test_a_connection_to_another_machine_is_refused_and_recorded() -> None:
    with socket.socket() as stream, contextlib.suppress(OSError):
        stream.settimeout(0.1)
        stream.connect((ELSEWHERE, 443))
    assert network.take_attempts() == [f"{ELSEWHERE}:443"]


def test_a_datagram_to_another_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(network.LeftTheMachine):
        datagrams.sendto(b"x", (ELSEWHERE, 53))
    assert network.take_attempts() == [f"{ELSEWHERE}:53"]


def test_no_name_server_is_queried() -> None:
    with pytest.raises(socket.gaierror, match="tests ask no name server"):
        socket.getaddrinfo("jenkins.example.com", 443)
    assert network.take_attempts() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    assert network.is_allowed(host)


@pytest.mark.parametrize("host", [ELSEWHERE, "0.0.0.0", "192.168.1.1", "localhost.example.com"])
def test_all_other_addresses_are_refused(host: str) -> None:
    assert not network.is_allowed(host)


def test_the_host_in_jenkins_url_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENKINS_URL", f"https://{ELSEWHERE}:8443/ci/")
    assert network.is_allowed(ELSEWHERE)
    assert not network.is_allowed("203.0.113.8")
