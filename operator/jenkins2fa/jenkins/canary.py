"""Observing a controller with canary accounts alone (``access: ProbeOnly``): no administration rights, no script, nothing written."""

from __future__ import annotations

from collections.abc import Sequence

from jenkins2fa.api.instance import Canary, Expectation
from jenkins2fa.core.assess import CanaryObservation, Failure, Proof
from jenkins2fa.core.evidence import Account
from jenkins2fa.jenkins.account import Credentials
from jenkins2fa.jenkins.errors import JenkinsError, Unauthorized
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import Note, Probed, probe_canary

ACCOUNTS = {Expectation.CHALLENGED: Account.CHALLENGED, Expectation.EXEMPT: Account.EXEMPT}

def observe_with_canaries(
    connection: Connection, canaries: Sequence[tuple[Canary, Credentials]], note: Note | None = None
) -> CanaryObservation:
    """One request for each canary, each on a session of its own; ``connection`` gives URL and authority only. Raises nothing.

    Canaries that must be challenged go first; the first probe that proves nothing is the last. ``note`` is called with the evidence of
    each."""
    probed: list[tuple[Canary, Probed]] = []
    for canary, credentials in sorted(canaries, key=lambda pair: pair[0].expect is Expectation.EXEMPT):
        probed.append((canary, _ask(connection, credentials, ACCOUNTS[canary.expect], note)))
        if probed[-1][1].failure is not None:
            break
    replies = [result.evidence.reply for _, result in probed if result.evidence.reply is not None]
    proofs = {expect: _proofs(canaries, probed, expect) for expect in Expectation}
    return CanaryObservation(
        challenged=_first(proofs[Expectation.CHALLENGED], Proof.BYPASSED, Proof.NONE, Proof.CHALLENGED) or Proof.NONE,
        exempt=_first(proofs[Expectation.EXEMPT], Proof.CHALLENGED, Proof.NONE, Proof.BYPASSED),
        failure=_failure(*probed[-1]) if probed else None,
        version=next((reply.version for reply in replies if reply.version), ""),
        session=next((reply.session for reply in replies if reply.session), ""),
    )


def _proofs(canaries: Sequence[tuple[Canary, Credentials]], probed: Sequence[tuple[Canary, Probed]], expect: Expectation) -> set[Proof]:
    """What the canaries of one expectation met; NONE stands for those that were not asked."""
    met = [one.evidence.proof for canary, one in probed if canary.expect is expect]
    asked = sum(canary.expect is expect for canary, _ in canaries)
    return {*met, *([Proof.NONE] if len(met) < asked else [])}


def _first(met: set[Proof], *order: Proof) -> Proof | None:
    return next((proof for proof in order if proof in met), None)


def _ask(connection: Connection, canary: Credentials, account: Account, note: Note | None) -> Probed:
    probed = probe_canary(connection, canary, account)
    if note is not None:
        note(probed.evidence)
    return probed


def _failure(canary: Canary, probed: Probed) -> Failure | None:
    problem = probed.failure
    if problem is None:
        return None
    return Failure(problem.reason, f"canary {canary.name}: {_message(problem)}", problem.transient)


def _message(problem: JenkinsError) -> str:
    if isinstance(problem, Unauthorized):
        return "Jenkins refused the canary's user name, password or API token (401): renew it in its Secret"
    return str(problem)
