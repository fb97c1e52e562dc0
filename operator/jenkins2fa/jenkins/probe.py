"""Probes: ordinary requests that show whether a second factor is really demanded."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.core.conditions import Proof
from jenkins2fa.jenkins.answers import expect_success, is_challenged
from jenkins2fa.jenkins.errors import ProtocolError
from jenkins2fa.jenkins.http import Connection, Credentials, Http

PROBE_HEADER = "X-Jenkins2fa-Probe"


def self_probe(connection: Connection) -> Proof:
    """The operator's own account asks for the root page like anybody else: the header makes the gate withhold the exemption.

    One request on a session of its own, so no former verification counts. Raises JenkinsError when the answer tells nothing."""
    return _probe(connection, {PROBE_HEADER: "challenge"})


def canary_probe(connection: Connection, canary: Credentials) -> Proof:
    """An account made for this (no rights needed) asks for the root page."""
    return _probe(replace(connection, credentials=canary), {})


def session_of(connection: Connection) -> str:
    """Jenkins' session hash, read without credentials from the log-in page; empty when the page does not tell. Raises JenkinsError."""
    http = Http(replace(connection, credentials=None))
    try:
        answer = http.get("login")
    finally:
        http.close()
    expect_success(answer)
    return answer.headers.get("X-Jenkins-Session", "")


def _probe(connection: Connection, headers: dict[str, str]) -> Proof:
    http = Http(connection)
    try:
        answer = http.get("", headers)
    finally:
        http.close()
    if is_challenged(answer):
        return Proof.CHALLENGED
    expect_success(answer)
    if "X-Jenkins" not in answer.headers:
        raise ProtocolError("something that is not Jenkins answered the probe", transient=True)
    return Proof.BYPASSED
