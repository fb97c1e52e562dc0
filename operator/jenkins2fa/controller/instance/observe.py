"""The observation of a controller: credentials, one request, and probes when they are due."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import ENFORCED, TRUE, condition_of
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.canaries import Met, ask_canaries
from jenkins2fa.controller.instance.memory import Memory, RememberedProof
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.policy.rollout import admitted
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.conditions import PLUGIN_ALONE
from jenkins2fa.core.mode import Circumstances, Mode, counts_enrolment, mode_of
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import CertificateRejected, Forbidden, JenkinsError, SecondFactorRejected, Unauthorized
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import session_of


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
    return enforced is None or (enforced.status != TRUE and enforced.reason != PLUGIN_ALONE)


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
