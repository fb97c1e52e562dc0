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
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED, LOCKED_OUT
from jenkins2fa.core.mode import Circumstances, Mode, counts_enrolment, mode_of
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import CertificateRejected, Forbidden, JenkinsError, SecondFactorRejected, Unauthorized
from jenkins2fa.jenkins.login.passage import pass_second_factor
from jenkins2fa.jenkins.probe import ACCOUNTS, observe_with_canaries, probe_canary, session_of

ODD = (Reason.UNAUTHORIZED, Reason.REDIRECTED, Reason.PROTOCOL_ERROR)
LET_IN = "it was let in (is its account exempt, or does it use an API token where those are exempt?)"


@dataclass(frozen=True, slots=True)
class CombinedProof:
    """The worse of the operator's own proof and that of the canaries.

    ``notes``: further results for the status; ``lasting``: it may be remembered until the next probe is due."""

    proof: Proof
    notes: tuple[str, ...] = ()
    lasting: bool = True


def combine_with_canaries(context: Context, instance: JenkinsInstance, connection: Connection, own: Proof) -> CombinedProof:
    """Probe with an instance's canaries too. ``own``: the operator's own proof; a canary that proves nothing does not change it."""
    combined = CombinedProof(own)
    for canary in instance.spec.canaries:
        combined = _combine(context, instance, connection, canary, combined)
    return combined


def _combine(context: Context, instance: JenkinsInstance, connection: Connection, canary: Canary, before: CombinedProof) -> CombinedProof:
    try:
        account = context.connections.canary(instance, canary.secret)
        probed = probe_canary(connection, account, ACCOUNTS[canary.expect])
        context.note(probed.evidence)
        proof = probed.settle()
    except JenkinsError as problem:
        return replace(before, notes=(*before.notes, f"canary {canary.name}: {problem}"), lasting=before.lasting and not problem.transient)
    if canary.expect.is_challenged and proof is Proof.CHALLENGED and before.proof is Proof.NONE:
        before = replace(before, proof=Proof.CHALLENGED)  # a rule of the plugin may let our own token in, but not this account
    if canary.expect is Expectation.PASSES and proof is Proof.CHALLENGED:
        passage = _pass(context, instance, replace(connection, credentials=account), canary)
        notes = (f"{LOCKED_OUT}: {passage.problem}",) if passage.problem else ()
        return replace(before, notes=(*before.notes, *notes), lasting=before.lasting and passage.lasting)
    if canary.expect.is_challenged and proof is Proof.BYPASSED:
        return replace(before, proof=Proof.BYPASSED, notes=(*before.notes, f"canary {canary.name}: {LET_IN}"))
    if canary.expect is Expectation.EXEMPT and proof is Proof.CHALLENGED:
        return replace(before, notes=(*before.notes, EXEMPT_CHALLENGED))
    return before


@dataclass(frozen=True, slots=True)
class _Passage:
    """``problem``: why a canary that must pass did not; empty = it did, or it is too early for another code. ``lasting``: it passed."""

    lasting: bool
    problem: str = ""


def _pass(context: Context, instance: JenkinsInstance, connection: Connection, canary: Canary) -> _Passage:
    attempts = context.connections.attempts_of_canary(instance, canary.secret)
    try:
        tried = pass_second_factor(replace(connection, attempts=attempts), lambda: context.now().timestamp())
    except JenkinsError as problem:
        context.connections.forget(instance)  # the next reconcile sees a corrected key; without one, no code is sent for ten minutes
        return _Passage(lasting=False, problem="" if problem.transient else f"canary {canary.name}: {problem}")
    return _Passage(lasting=tried)


def observe_by_canaries(context: Context, subject: Subject) -> Outcome:
    """The outcome with ``access: ProbeOnly``: canaries are the whole observation."""
    canaries = _canary_observation(context, subject)
    return Outcome(subject.instance, subject.policy, proof=canaries.challenged, failure=canaries.failure, canaries=canaries)


def _canary_observation(context: Context, subject: Subject) -> CanaryObservation:
    """What the canaries met. Around a restart, unexpected answers prove nothing."""
    instance, memory = subject.instance, subject.memory
    try:
        canaries = [(canary, context.connections.canary(instance, canary.secret)) for canary in instance.spec.canaries]
        connection = context.connections.bare_connection(instance, (account for _, account in canaries))
    except JenkinsError as problem:
        return CanaryObservation(failure=Failure(problem.reason, str(problem), problem.transient))
    observation = observe_with_canaries(connection, canaries, context.note)
    if observation.challenged is Proof.CHALLENGED:
        passing = [(canary, account) for canary, account in canaries if canary.expect is Expectation.PASSES]
        problems = (_pass(context, instance, replace(connection, credentials=account), canary).problem for canary, account in passing)
        observation = replace(observation, locked_out=next(filter(None, problems), ""))
    failure = observation.failure
    if failure is None:
        memory.last_good, memory.odd_since = context.clock(), None
    elif failure.reason in ODD and _in_doubt(memory, context.clock()):
        message = f"an unexpected answer of a controller that worked before, as around a restart; retrying: {failure.message}"
        return replace(observation, failure=Failure(Reason.STARTING, message, transient=True))
    elif failure.reason in (Reason.UNAUTHORIZED, Reason.CERTIFICATE_REJECTED):
        context.connections.forget(instance)
    return observation


def _in_doubt(memory: Memory, now: float) -> bool:
    if memory.last_good is None:
        return False
    memory.odd_since = now if memory.odd_since is None else memory.odd_since
    return now - memory.odd_since < DOUBT_SECONDS


def observe(context: Context, subject: Subject) -> tuple[Driver, Observation]:
    """Observe a controller. Returns the driver and the observation; raises JenkinsError.

    The gate may answer by itself, except for the first observation of a run of Jenkins and one every ten minutes. Those run a script, to
    show that the script console still works: without it, nothing could be corrected. Before a first enforcement, the observation counts who
    has a second factor. If Jenkins refuses the account, or we refuse its certificate, Secret and authority are read again; if they have
    changed, the observation is repeated."""
    instance, policy, memory = subject.instance, subject.policy, subject.memory
    connection = _connection(context, instance)
    if memory.starting:
        session_of(connection)  # raises while it is still starting; cheap, and sends no credentials
    driver = memory.connect(connection, context.note, instance.spec.provider)
    by_gate, users = not memory.is_script_due(context.clock()), may_be_first_enforcement(context, subject)
    try:
        observation = observe_for(driver, policy, by_gate=by_gate, users=users)
    except (Unauthorized, Forbidden, SecondFactorRejected, CertificateRejected):
        context.connections.forget(instance)
        renewed = _connection(context, instance)
        if renewed == connection:
            raise
        driver = memory.connect(renewed, context.note, instance.spec.provider)
        observation = observe_for(driver, policy, users=users)
    context.metrics.observed(by_gate=observation.by_gate)
    memory.note_observation(observation, context.clock())
    return driver, observation


def observe_for(driver: Driver, policy: TwoFactorPolicy | None, *, by_gate: bool = False, users: bool = False) -> Observation:
    """An observation with the groups that a policy enforces; with ``users``, it counts who has a second factor. Raises JenkinsError."""
    groups = policy.spec.enforced_groups or frozenset() if policy else frozenset()
    if policy is None or not users:
        return driver.observe(groups=groups, by_gate=by_gate)
    return driver.observe(groups=groups, users=True, exempt=policy.spec.exempt_groups)


def may_be_first_enforcement(context: Context, subject: Subject) -> bool:
    """Whether this reconcile may switch 2FA on for the first time, by what was known before it."""
    policy = subject.policy
    if policy is None or not counts_enrolment(policy.spec, mode_by_spec(context, subject)):
        return False
    if subject.memory.protected is not None:
        return not subject.memory.protected
    enforced = condition_of(subject.body, ENFORCED)
    return enforced is None or (enforced.status != TRUE and enforced.reason != Reason.PLUGIN_ALONE)


def mode_by_spec(context: Context, subject: Subject) -> Mode:
    """The mode by policy and instance alone, before anything is observed."""
    policy = subject.policy
    if policy is None:
        return Mode.WRITE
    return mode_of(policy.spec, subject.instance.spec, Circumstances(context.now(), admitted=admitted(context, policy, subject.key)))


def _connection(context: Context, instance: JenkinsInstance) -> Connection:
    return replace(context.connections.connection(instance), requested=context.metrics.requested, now=context.now)


def proof_of(
    context: Context, instance: JenkinsInstance, memory: Memory, driver: Driver, observation: Observation, digest: str, *, requested: bool
) -> CombinedProof:
    """The remembered proof, or that of a new probe if one is due: on request, after a restart, after a change, or every ten minutes."""
    remembered = None if requested else memory.proof_for(observation.session, digest, context.clock())
    if remembered is not None:
        return CombinedProof(remembered.proof, remembered.notes)
    try:
        with context.metrics.step("probe"):
            combined = combine_with_canaries(context, instance, driver.connection, driver.probe())
    except JenkinsError:
        return CombinedProof(Proof.NONE)  # the next reconcile probes again
    if combined.lasting:
        memory.proof = RememberedProof(combined.proof, observation.session, digest, context.clock(), combined.notes)
    return combined
