"""The observation of a controller: credentials, one request, and probes when they are due.

Canaries, accounts used only for probes, add to the proof of an ordinary reconcile. With ``access: ProbeOnly``, they are all that there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jenkins2fa.api.instance import Canary, Expectation, JenkinsInstance
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import ENFORCED, TRUE, condition_of
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.subject import DOUBT_SECONDS, Memory, RememberedProof, Subject
from jenkins2fa.controller.rollout import admitted
from jenkins2fa.core.assess import CanaryObservation, Failure, Outcome, Proof
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED
from jenkins2fa.core.mode import Circumstances, Mode, counts_enrolment, mode_of
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import CertificateRejected, Forbidden, JenkinsError, SecondFactorRejected, Unauthorized
from jenkins2fa.jenkins.probe import ACCOUNTS, observe_with_canaries, probe_canary, session_of

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


def observe(context: Context, subject: Subject) -> tuple[Driver, Observation]:
    """The observation of this reconcile; after a 401, 403, refused second factor or certificate another one, if what was read of the Secret
    or the authority has changed meanwhile. Raises JenkinsError.

    The gate may give it, but for the first of a run of Jenkins and one in ten minutes: those show that the script console still serves us,
    by which alone anything can be put right. Before a first enforcement it counts who has a second factor as well."""
    instance, policy, memory = subject.instance, subject.policy, subject.memory
    connection = _connection(context, instance)
    if memory.starting:
        session_of(connection)  # cheap, and without credentials: is it up again?
    driver = memory.connect(connection, context.note)
    by_gate, users = not memory.is_script_due(context.clock()), may_be_first_enforcement(context, subject)
    try:
        observation = observe_for(driver, policy, by_gate=by_gate, users=users)
    except (Unauthorized, Forbidden, SecondFactorRejected, CertificateRejected):
        context.connections.forget(instance)
        renewed = _connection(context, instance)
        if renewed == connection:
            raise
        driver = memory.connect(renewed, context.note)
        observation = observe_for(driver, policy, users=users)
    context.metrics.observed(by_gate=observation.by_gate)
    memory.note_answer(observation, context.clock())
    return driver, observation


def observe_for(driver: Driver, policy: TwoFactorPolicy | None, *, by_gate: bool = False, users: bool = False) -> Observation:
    """An observation that answers what a policy asks about groups; ``users``: and counts who has a second factor. Raises JenkinsError."""
    groups = policy.spec.enforced_groups or frozenset() if policy else frozenset()
    if policy is None or not users:
        return driver.observe(groups=groups, by_gate=by_gate)
    return driver.observe(groups=groups, users=True, exempt=policy.spec.exempt_groups)


def may_be_first_enforcement(context: Context, subject: Subject) -> bool:
    """Whether this reconcile may have to switch 2FA on for people who have never been asked, by what was known before it."""
    policy = subject.policy
    if policy is None or not counts_enrolment(policy.spec, mode_by_spec(context, subject)):
        return False
    if subject.memory.protected is not None:
        return not subject.memory.protected
    enforced = condition_of(subject.body, ENFORCED)
    return enforced is None or (enforced.status != TRUE and enforced.reason != Reason.PLUGIN_ALONE)


def mode_by_spec(context: Context, subject: Subject) -> Mode:
    """Whether a reconcile might write, by what policy and instance alone say."""
    policy = subject.policy
    if policy is None:
        return Mode.WRITE
    return mode_of(policy.spec, subject.instance.spec, Circumstances(context.now(), admitted=admitted(context, policy, subject.key)))


def _connection(context: Context, instance: JenkinsInstance) -> Connection:
    return replace(context.connections.connection(instance), requested=context.metrics.requested, now=context.now)


def proof_of(
    context: Context, instance: JenkinsInstance, memory: Memory, driver: Driver, observation: Observation, digest: str, *, asked: bool
) -> Met:
    """The remembered proof, or that of a new probe when one is due: asked for, after a restart, a change, or ten minutes."""
    held = None if asked else memory.proof_for(observation.session, digest, context.clock())
    if held is not None:
        return Met(held.proof, held.notes)
    try:
        with context.metrics.step("probe"):
            met = ask_canaries(context, instance, driver.connection, driver.probe())
    except JenkinsError:
        return Met(Proof.NONE)  # proves nothing; the next reconcile probes again
    if met.lasting:
        memory.proof = RememberedProof(met.proof, observation.session, digest, context.clock(), met.notes)
    return met
