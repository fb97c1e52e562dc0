"""A controller as a canary sees it, for ``jenkins2fa audit``: ordinary GET requests, no rights, nothing written.

At most three requests: the probe; a page that only the plugin has; and one page that the plugin itself never challenges, which shows
whether the gate closes the plugin's exceptions.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from enum import StrEnum

from jenkins2fa.core.assess import Proof
from jenkins2fa.core.evidence import Account
from jenkins2fa.jenkins.answers import is_challenged, version_of
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.miniorange.challenge import CHALLENGE
from jenkins2fa.jenkins.errors import CertificateRejected, JenkinsError, Unauthorized, Unreachable
from jenkins2fa.jenkins.http import Http
from jenkins2fa.jenkins.probe import Note, Probed, probe_canary

EXCEPTION = "api/json"
SOMETHING_ELSE = (Unreachable, CertificateRejected)  # nothing answered that could be Jenkins


class Known(StrEnum):
    YES = "Yes"
    NO = "No"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Survey:
    """``enforced``: as proven. ``exceptions_open``: whether the plugin's exception that was tried let the canary in.

    ``reason`` and ``message``: why a value is unknown; empty when there is proof. ``version`` is empty when no answer held it."""

    url: str
    reachable: bool
    enforced: Known
    plugin: Known = Known.UNKNOWN
    exceptions_open: Known = Known.UNKNOWN
    version: str = ""
    reason: str = ""
    message: str = ""


def survey(connection: Connection, note: Note | None = None) -> Survey:
    """Surveys a controller with the canary of ``connection``; ``note`` is called with the evidence. Raises only what ``note`` raises."""
    assert connection.credentials is not None
    probed = probe_canary(connection, connection.credentials, Account.CHALLENGED)
    if note is not None:
        note(probed.evidence)
    if probed.failure is not None:
        return _failed(connection, probed, probed.failure)
    if probed.evidence.proof is Proof.CHALLENGED:
        return Survey(
            connection.url,
            reachable=True,
            enforced=Known.YES,
            plugin=Known.YES,
            exceptions_open=_exceptions_open(connection),
            version=_version(connection, probed),
        )
    return Survey(
        connection.url,
        reachable=True,
        enforced=Known.NO,
        plugin=_plugin_answers(connection),
        version=_version(connection, probed),
        reason="Bypassed",
        message="the canary was let in without a second factor (if it used an API token: are tokens exempt there? try its password)",
    )


def _failed(connection: Connection, probed: Probed, problem: JenkinsError) -> Survey:
    message = "Jenkins refused the canary's user name, password or token (401)" if isinstance(problem, Unauthorized) else str(problem)
    return Survey(
        connection.url,
        reachable=not isinstance(problem, SOMETHING_ELSE),
        enforced=Known.UNKNOWN,
        version=probed.evidence.reply.version if probed.evidence.reply else "",
        reason=problem.reason,
        message=message,
    )


def _plugin_answers(connection: Connection) -> Known:
    """Whether the plugin's challenge page exists (any answer but 404)."""
    with contextlib.closing(Http(connection)) as http, contextlib.suppress(JenkinsError):
        answer = http.get(f"{CHALLENGE}/")
        if answer.status == 404:
            return Known.NO
        if answer.status == 200 or is_challenged(answer):
            return Known.YES
    return Known.UNKNOWN


def _exceptions_open(connection: Connection) -> Known:
    with contextlib.closing(Http(connection)) as http, contextlib.suppress(JenkinsError):
        answer = http.get(EXCEPTION)
        if is_challenged(answer):
            return Known.NO
        if answer.status in (200, 403) and "X-Jenkins" in answer.headers:
            return Known.YES
    return Known.UNKNOWN


def _version(connection: Connection, probed: Probed) -> str:
    """From the probe's answer; a challenge lacks the version, but the log-in page has it."""
    if probed.evidence.reply is not None and probed.evidence.reply.version:
        return probed.evidence.reply.version
    with contextlib.closing(Http(replace(connection, credentials=None))) as http, contextlib.suppress(JenkinsError):
        return version_of(http.get("login"))
    return ""
