"""Approvals: the digests that name a weakening change, how to approve one, and whether an annotation does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import format_time
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import APPROVE_WEAKENING, Metadata
from jenkins2fa.api.policy import DeletionPolicy, TwoFactorPolicy
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.settings import canonical, gate_configuration, settings_document

_SEPARATOR = re.compile(r"[\s,]+")


def is_approved(meta: Metadata, *digests: str) -> bool:
    """Whether the annotation of an object names one of ``digests``. It may hold several, separated by commas or white space."""
    named = _SEPARATOR.split(meta.annotations.get(APPROVE_WEAKENING, ""))
    return not set(digests).isdisjoint(named)


def how_to_approve(approval: str, of: str = "twofactorpolicy <name>") -> str:
    """The command that approves a digest, by an annotation on the object that ``of`` names."""
    return f"kubectl annotate --overwrite {of} jenkins2fa.dev/approve-weakening={approval}"


def policy_approvals(policy: TwoFactorPolicy, desired: Desired, instance: JenkinsInstance, observation: Observation) -> tuple[str, ...]:
    """The digests that allow a policy to weaken the protection of a controller. The first is the one to ask for.

    One digest covers every controller that the policy governs already, the other only this one. A controller without an owner record, or
    whose record names another policy, needs its own: it was not there when the policy was approved. Each edit needs a new approval."""
    generation = policy.meta.generation
    own = f"{generation}-{approval_digest(desired, _identity(instance, observation))}"
    if observation.owner is None or observation.owner.policy != policy.meta.uid:
        return (own,)
    return f"{generation}-{approval_digest(desired)}", own


def release_approval(instance: JenkinsInstance, observation: Observation, owner: Owner, deletion: DeletionPolicy) -> str:
    """The digest that allows a controller to be released from the policy that its owner record names. It approves only this release."""
    document = [*_identity(instance, observation), owner.policy, deletion.value]
    return f"release-{_digest(document)}"


def break_glass_approval(break_glass: TwoFactorBreakGlass) -> str:
    """The digest that allows one break-glass to open. It includes the UID, so it cannot be approved before the object exists."""
    meta, spec = break_glass.meta, break_glass.spec
    document = [meta.namespace, meta.name, meta.uid, format_time(spec.expires_at), spec.reason]
    return f"break-glass-{_digest(document)}"


def approval_digest(desired: Desired, only: Sequence[str] = ()) -> str:
    """The digest of a desired state without what differs between controllers (the account, the gate's version).

    ``only`` names the one controller that it is for; empty = all of them."""
    gate = replace(desired.gate, operator=None) if desired.gate else None
    return _digest([settings_document(desired.plugin), gate_configuration(gate) if gate else None, *([list(only)] if only else [])])


def _identity(instance: JenkinsInstance, observation: Observation) -> tuple[str, ...]:
    """Tells this controller from another object of the same name and from another Jenkins at the same URL."""
    return str(instance.meta.key), instance.meta.uid, instance.spec.url, observation.identity


def _digest(document: object) -> str:
    return hashlib.sha256(canonical(document).encode()).hexdigest()[:12]
