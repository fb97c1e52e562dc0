"""Canary accounts: what they meet joins the proof of an ordinary reconcile, and is the whole observation with ``access: ProbeOnly``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jenkins2fa.api.instance import Canary, Expectation, JenkinsInstance
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.memory import DOUBT_SECONDS, Memory
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.core.assess import CanaryObservation, Failure, Outcome, Proof
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.canary import ACCOUNTS, observe_with_canaries
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import probe_canary

ODD = (Reason.UNAUTHORIZED, Reason.REDIRECTED, Reason.PROTOCOL_ERROR)
GOT_THROUGH = "it got through (is its account exempt, or does it use an API token where those are exempt?)"


@dataclass(frozen=True, slots=True)
class Met:
    """The worse of the operator's own proof and the canaries'. ``notes``: what else there is to say; ``lasting``: it need not be asked anew
    at once."""

    proof: Proof
    notes: tuple[str, ...] = ()
    lasting: bool = True


def ask_canaries(context: Context, instance: JenkinsInstance, connection: Connection, own: Proof) -> Met:
    """The canaries of an instance that has other ways to look: one that tells nothing leaves the operator's own proof as it is."""
    met = Met(own)
    for canary in instance.spec.canaries:
        met = _ask(context, instance, connection, canary, met)
    return met


def _ask(context: Context, instance: JenkinsInstance, connection: Connection, canary: Canary, met: Met) -> Met:
    try:
        probed = probe_canary(connection, context.connections.canary(instance, canary.secret), ACCOUNTS[canary.expect])
        context.note(probed.evidence)
        proof = probed.settle()
    except JenkinsError as problem:
        return Met(met.proof, (*met.notes, f"canary {canary.name}: {problem}"), met.lasting and not problem.transient)
    if canary.expect is Expectation.CHALLENGED and proof is Proof.CHALLENGED and met.proof is Proof.NONE:
        return Met(Proof.CHALLENGED, met.notes, met.lasting)  # our own token may pass by a rule of the plugin; this account may not
    if canary.expect is Expectation.CHALLENGED and proof is Proof.BYPASSED:
        return Met(Proof.BYPASSED, (*met.notes, f"canary {canary.name}: {GOT_THROUGH}"), met.lasting)
    if canary.expect is Expectation.EXEMPT and proof is Proof.CHALLENGED:
        return Met(met.proof, (*met.notes, EXEMPT_CHALLENGED), met.lasting)
    return met


def observe_by_canaries(context: Context, subject: Subject) -> Outcome:
    """``access: ProbeOnly``: nothing is read but what the canaries meet. Around a restart odd answers prove nothing."""
    found = _ask_alone(context, subject)
    return Outcome(subject.instance, subject.policy, proof=found.challenged, failure=found.failure, canaries=found)


def _ask_alone(context: Context, subject: Subject) -> CanaryObservation:
    instance, memory = subject.instance, subject.memory
    try:
        canaries = [(canary, context.connections.canary(instance, canary.secret)) for canary in instance.spec.canaries]
        connection = context.connections.bare_connection(instance, (account for _, account in canaries))
    except JenkinsError as problem:
        return CanaryObservation(failure=Failure(problem.reason, str(problem), problem.transient))
    found = observe_with_canaries(connection, canaries, context.note)
    if found.failure is None:
        memory.last_good, memory.odd_since = context.clock(), None
    elif found.failure.reason in ODD and _in_doubt(memory, context.clock()):
        message = f"an odd answer of a Jenkins that worked before, as around a restart; looking again: {found.failure.message}"
        return replace(found, failure=Failure(Reason.STARTING, message, transient=True))
    elif found.failure.reason in (Reason.UNAUTHORIZED, Reason.CERTIFICATE_REJECTED):
        context.connections.forget(instance)
    return found


def _in_doubt(memory: Memory, now: float) -> bool:
    if memory.last_good is None:
        return False
    memory.odd_since = now if memory.odd_since is None else memory.odd_since
    return now - memory.odd_since < DOUBT_SECONDS
