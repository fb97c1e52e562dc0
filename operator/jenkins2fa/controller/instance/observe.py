"""Looking at a Jenkins: credentials, one observation, probes when they are due."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.canaries import Met, ask_canaries
from jenkins2fa.controller.instance.memory import Memory, RememberedProof
from jenkins2fa.core.conditions import Proof
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import CertificateRejected, Forbidden, JenkinsError, SecondFactorRejected, Unauthorized
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import session_of


def look(context: Context, instance: JenkinsInstance, policy: TwoFactorPolicy | None, memory: Memory) -> tuple[Driver, Observation]:
    """One observation; after a 401, 403, refused second factor or certificate another one, if what was read of the Secret or the authority
    has changed meanwhile. Raises JenkinsError.

    The gate may give it, but for the first of a run of Jenkins and one in ten minutes: those show that the script console still serves us,
    by which alone anything can be put right."""
    groups = policy.spec.enforced_groups or frozenset() if policy else frozenset()
    connection = _connection(context, instance)
    if memory.starting:
        session_of(connection)  # cheap, and without credentials: is it up again?
    driver = memory.connect(connection, context.note)
    by_gate = not memory.is_script_due(context.clock())
    try:
        seen = driver.observe(groups=groups, by_gate=by_gate)
    except (Unauthorized, Forbidden, SecondFactorRejected, CertificateRejected):
        context.connections.forget(instance)
        renewed = _connection(context, instance)
        if renewed == connection:
            raise
        driver = memory.connect(renewed, context.note)
        seen = driver.observe(groups=groups)
    context.metrics.observed(by_gate=seen.by_gate)
    memory.note_answer(seen, context.clock())
    return driver, seen


def _connection(context: Context, instance: JenkinsInstance) -> Connection:
    return replace(context.connections.connection(instance), requested=context.metrics.requested)


def proof_of(
    context: Context, instance: JenkinsInstance, memory: Memory, driver: Driver, seen: Observation, digest: str, *, asked: bool
) -> Met:
    """The remembered proof, or that of a new probe when one is due: asked for, after a restart, a change, or ten minutes."""
    held = None if asked else memory.proof_for(seen.session, digest, context.clock())
    if held is not None:
        return Met(held.proof, held.notes)
    try:
        with context.metrics.step("probe"):
            met = ask_canaries(context, instance, driver.connection, driver.probe())
    except JenkinsError:
        return Met(Proof.NONE)  # tells nothing; the next pass probes again
    if met.lasting:
        memory.proof = RememberedProof(met.proof, seen.session, digest, context.clock(), met.notes)
    return met
