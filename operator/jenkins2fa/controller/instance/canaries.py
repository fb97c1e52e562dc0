"""Canary accounts: what they meet joins the proof of an ordinary pass, and is all that a pass with ``access: ProbeOnly`` has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.status import InstanceStatus, JenkinsStatus, PolicyReference, instance_status_document, policy_column
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.memory import DOUBT_SECONDS, PROBE_SECONDS, Memory
from jenkins2fa.controller.instance.schedule import spread_interval
from jenkins2fa.controller.instance.status import handled_request
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.queue import Requeue, Urgency
from jenkins2fa.core.canaries import CanaryLook, judge_canaries
from jenkins2fa.core.conditions import EXEMPT_CHALLENGED, Proof, Trouble
from jenkins2fa.core.evidence import Account
from jenkins2fa.jenkins.canary import look_with_canaries
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import probe_canary

ODD = ("Unauthorized", "Redirected", "ProtocolError")
SOON = 5.0  # seconds
LONGEST_BACK_OFF = 60.0
GOT_THROUGH = "the canary of probes.challenged got through (is its account exempt, or does it use an API token where those are exempt?)"


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
    probes = instance.spec.probes
    for account, secret in ((Account.CHALLENGED, probes.challenged), (Account.EXEMPT, probes.exempt)):
        if secret is not None:
            met = _ask(context, instance, connection, account, secret, met)
    return met


def _ask(context: Context, instance: JenkinsInstance, connection: Connection, account: Account, secret: str, met: Met) -> Met:
    try:
        probed = probe_canary(connection, context.connections.canary(instance, secret), account)
        context.note(probed.evidence)
        proof = probed.settle()
    except JenkinsError as problem:
        return Met(met.proof, (*met.notes, f"probes.{account.value}: {problem}"), met.lasting and not problem.transient)
    if account is Account.CHALLENGED and proof is Proof.CHALLENGED and met.proof is Proof.NONE:
        return Met(Proof.CHALLENGED, met.notes, met.lasting)  # our own token may pass by a rule of the plugin; this account may not
    if account is Account.CHALLENGED and proof is Proof.BYPASSED:
        return Met(Proof.BYPASSED, (*met.notes, GOT_THROUGH), met.lasting)
    if account is Account.EXEMPT and proof is Proof.CHALLENGED:
        return Met(met.proof, (*met.notes, EXEMPT_CHALLENGED), met.lasting)
    return met


# --- access: ProbeOnly ---


def look_only(context: Context, subject: Subject) -> CanaryLook:
    """What the canaries of an instance meet, in the light of what was before: around a restart odd answers prove nothing."""
    instance, memory = subject.instance, subject.memory
    try:
        challenged = context.connections.canary(instance, instance.spec.probes.challenged or "")
        exempt = context.connections.canary(instance, instance.spec.probes.exempt) if instance.spec.probes.exempt else None
        connection = context.connections.bare_connection(instance, filter(None, (challenged, exempt)))
    except JenkinsError as problem:
        return CanaryLook(trouble=Trouble(problem.reason, str(problem), problem.transient))
    found = look_with_canaries(connection, challenged, exempt, context.note)
    if found.trouble is None:
        memory.last_good, memory.odd_since = context.clock(), None
    elif found.trouble.reason in ODD and _in_doubt(memory, context.clock()):
        message = f"an odd answer of a Jenkins that worked before, as around a restart; looking again: {found.trouble.message}"
        return replace(found, trouble=Trouble("Starting", message, transient=True))
    elif found.trouble.reason in ("Unauthorized", "CertificateRejected"):
        context.connections.forget(instance)
    return found


def look_document(subject: Subject, body: Body, found: CanaryLook) -> dict[str, Any]:
    """The status that a look stands for: nothing was read, so nothing is said of plugin, gate and fields."""
    instance, policy = subject.instance, subject.policy
    named = PolicyReference(policy.meta.namespace, policy.meta.name, policy.meta.uid, policy.meta.generation) if policy else None
    held = (body.get("status") or {}).get("jenkins") or {}
    version, session = found.version or held.get("version", ""), found.session or held.get("session", "")
    wanted = instance_status_document(
        InstanceStatus(
            observed_generation=instance.meta.generation,
            conditions=judge_canaries(policy, found),
            jenkins=JenkinsStatus(version, "", "", session) if version or session else None,
            policy=named,
            policy_column=policy_column(instance.meta.key, named),
        )
    )
    return {**wanted, "lastHandledReconcileAt": handled_request(instance)}


def look_again(context: Context, instance: JenkinsInstance, found: CanaryLook) -> Requeue:
    """A canary is the only look there is, so it is sent every ``checkInterval``; a refused one seldom, lest its account be locked."""
    interval, trouble = spread_interval(instance, context.random()), found.trouble
    if trouble is None:
        return Requeue(after=interval)
    if trouble.reason == "Unauthorized":
        return Requeue(after=max(interval, PROBE_SECONDS))
    if trouble.reason == "Starting":
        return Requeue(after=SOON, urgency=Urgency.DRIFT)
    if not trouble.transient:
        return Requeue(after=interval)
    return Requeue(back_off=True, cap=LONGEST_BACK_OFF, host_failed=trouble.reason == "Unreachable")


def _in_doubt(memory: Memory, now: float) -> bool:
    if memory.last_good is None:
        return False
    memory.odd_since = now if memory.odd_since is None else memory.odd_since
    return now - memory.odd_since < DOUBT_SECONDS
