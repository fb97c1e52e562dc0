"""Probes: ordinary requests that show whether a second factor is demanded, and the evidence of each.

The operator probes with its own account and with canaries. With ``access: ProbeOnly``, canaries are all that it has: no administration
rights, no script, nothing written.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import jenkins2fa
from jenkins2fa.api.instance import Canary, Expectation
from jenkins2fa.core.assess import CanaryObservation, Failure, Proof
from jenkins2fa.core.evidence import Account, Evidence, Reply, Request, identity_digest
from jenkins2fa.jenkins import answers, scripts
from jenkins2fa.jenkins.answers import expect_success, is_challenged, redirect_target, version_of
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.errors import JenkinsError, ProtocolError, Unauthorized
from jenkins2fa.jenkins.http import Answer, Http

PROBE_HEADER = "X-Jenkins2fa-Probe"
Note = Callable[[Evidence], None]
ACCOUNTS = {
    Expectation.CHALLENGED: Account.CHALLENGED,
    Expectation.PASSES: Account.CHALLENGED,
    Expectation.EXEMPT: Account.EXEMPT,
}


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of a probe. ``failure`` is why it proved nothing; there is evidence in any case."""

    evidence: Evidence
    failure: JenkinsError | None = None

    def settle(self) -> Proof:
        """The proof. Raises the JenkinsError when the answer proves nothing."""
        if self.failure is not None:
            raise self.failure
        return self.evidence.proof


def probe_self(connection: Connection) -> Probed:
    """The operator's own account requests the root page as any user would: the header makes the gate withhold the exemption.

    One request on a session of its own, so no earlier verification counts. Raises nothing."""
    return _probe(connection, Account.SELF, {PROBE_HEADER: "challenge"})


def probe_canary(connection: Connection, canary: Credentials, account: Account) -> Probed:
    """A canary, which needs no rights, requests the root page. ``account``: which canary it is. Raises nothing."""
    return _probe(replace(connection, credentials=canary), account, {})


def session_of(connection: Connection) -> str:
    """Jenkins' session hash, read without credentials from the log-in page; empty when the page does not hold it. Raises JenkinsError."""
    http = Http(replace(connection, credentials=None))
    try:
        answer = http.get("login")
    finally:
        http.close()
    expect_success(answer)
    return answers.session_of(answer)


def _probe(connection: Connection, account: Account, headers: Mapping[str, str]) -> Probed:
    time, proof = datetime.now(UTC), Proof.NONE
    answer: Answer | None = None
    failure: JenkinsError | None = None
    http = Http(connection)
    try:
        answer = http.get("", headers)
        proof = _read(answer)
    except JenkinsError as problem:
        failure = problem
    finally:
        http.close()
    evidence = Evidence(
        time=time,
        url=connection.url,
        account=account,
        identity=identity_digest(connection.url, connection.credentials.username if connection.credentials else ""),
        request=Request("GET", urlsplit(connection.url).path or "/", ("Authorization", *headers)),
        reply=_reply(answer) if answer else None,
        proof=proof,
        operator=jenkins2fa.__version__,
        scripts=script_digests(),
        failure=failure.reason if failure else "",
    )
    return Probed(evidence, failure)


def _read(answer: Answer) -> Proof:
    """The plugin's filter runs before rights are checked, so a page refused to a named account was not challenged either."""
    if is_challenged(answer):
        return Proof.CHALLENGED
    if answer.status == 403 and answer.headers.get("X-You-Are-Authenticated-As"):
        return Proof.BYPASSED
    expect_success(answer)
    if "X-Jenkins" not in answer.headers:
        raise ProtocolError("something that is not Jenkins answered the probe", transient=True)
    return Proof.BYPASSED


def _reply(answer: Answer) -> Reply:
    return Reply(answer.status, redirect_target(answer.location), version_of(answer), answers.session_of(answer))


@functools.cache
def script_digests() -> Mapping[str, str]:
    """SHA-256 by name of the scripts that this version sends, and of the gate that it would install."""
    names = (scripts.BOOTSTRAP, scripts.OBSERVE, scripts.BEGIN, scripts.CONFIRM, scripts.RELEASE, scripts.BREAK_GLASS)
    return {"gate": scripts.gate_code(), **{name: scripts.script(name).sha256 for name in names}}


def observe_with_canaries(
    connection: Connection, canaries: Sequence[tuple[Canary, Credentials]], note: Note | None = None
) -> CanaryObservation:
    """One request for each canary, each on a session of its own; ``connection`` gives URL and authority only. Raises nothing.

    Canaries that must be challenged go first; the first probe that proves nothing is the last. ``note`` is called with the evidence of
    each."""
    probed: list[tuple[Canary, Probed]] = []
    for canary, credentials in sorted(canaries, key=lambda pair: pair[0].expect is Expectation.EXEMPT):
        probed.append((canary, _probe_and_note(connection, credentials, ACCOUNTS[canary.expect], note)))
        if probed[-1][1].failure is not None:
            break
    replies = [result.evidence.reply for _, result in probed if result.evidence.reply is not None]
    challenged, exempt = (_proofs(canaries, probed, kind) for kind in (Account.CHALLENGED, Account.EXEMPT))
    return CanaryObservation(
        challenged=_first(challenged, Proof.BYPASSED, Proof.NONE, Proof.CHALLENGED) or Proof.NONE,
        exempt=_first(exempt, Proof.CHALLENGED, Proof.NONE, Proof.BYPASSED),
        failure=_failure(*probed[-1]) if probed else None,
        version=next((reply.version for reply in replies if reply.version), ""),
        session=next((reply.session for reply in replies if reply.session), ""),
    )


def _proofs(canaries: Sequence[tuple[Canary, Credentials]], probed: Sequence[tuple[Canary, Probed]], expect: Account) -> set[Proof]:
    """The proofs by the canaries of one kind; NONE stands for those that were not sent."""
    proofs = [result.evidence.proof for canary, result in probed if ACCOUNTS[canary.expect] is expect]
    expected = sum(ACCOUNTS[canary.expect] is expect for canary, _ in canaries)
    return {*proofs, *([Proof.NONE] if len(proofs) < expected else [])}


def _first(proofs: set[Proof], *order: Proof) -> Proof | None:
    return next((proof for proof in order if proof in proofs), None)


def _probe_and_note(connection: Connection, canary: Credentials, account: Account, note: Note | None) -> Probed:
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
