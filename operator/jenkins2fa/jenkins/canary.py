"""Observing a controller with canary accounts alone (``access: ProbeOnly``): no administration rights, no script, nothing written."""

from __future__ import annotations

from jenkins2fa.core.assess import CanaryObservation, Failure, Proof
from jenkins2fa.core.evidence import Account
from jenkins2fa.jenkins.account import Credentials
from jenkins2fa.jenkins.errors import JenkinsError, Unauthorized
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import Note, Probed, probe_canary


def observe_with_canaries(
    connection: Connection, challenged: Credentials, exempt: Credentials | None = None, note: Note | None = None
) -> CanaryObservation:
    """One request for each canary, each on a session of its own; ``connection`` lends URL and authority only. Raises nothing.

    ``note`` hears of the evidence of each."""
    first = _ask(connection, challenged, Account.CHALLENGED, note)
    second = _ask(connection, exempt, Account.EXEMPT, note) if exempt is not None and first.trouble is None else None
    replies = [one.evidence.reply for one in (first, second) if one is not None and one.evidence.reply is not None]
    return CanaryObservation(
        challenged=first.evidence.proof,
        exempt=second.evidence.proof if second else None if exempt is None else Proof.NONE,
        failure=_failure(first, "challenged") or (_failure(second, "exempt") if second else None),
        version=next((one.version for one in replies if one.version), ""),
        session=next((one.session for one in replies if one.session), ""),
    )


def _ask(connection: Connection, canary: Credentials, account: Account, note: Note | None) -> Probed:
    probed = probe_canary(connection, canary, account)
    if note is not None:
        note(probed.evidence)
    return probed


def _failure(probed: Probed, which: str) -> Failure | None:
    problem = probed.trouble
    if problem is None:
        return None
    return Failure(problem.reason, f"probes.{which}: {_told(problem)}", problem.transient)


def _told(problem: JenkinsError) -> str:
    if isinstance(problem, Unauthorized):
        return "Jenkins refused the canary's user name, password or API token (401): renew it in its Secret"
    return str(problem)
