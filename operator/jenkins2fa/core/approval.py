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

_BETWEEN = re.compile(r"[\s,]+")


def is_approved(meta: Metadata, *digests: str) -> bool:
    """Whether an object's annotation names one of ``digests``; it may name several, separated by commas or white space."""
    named = {one for one in _BETWEEN.split(meta.annotations.get(APPROVE_WEAKENING, "")) if one}
    return not named.isdisjoint(digests)


def how_to_approve(approval: str, of: str = "twofactorpolicy <name>") -> str:
    """How somebody approves of what an ``approval`` names, by an annotation ``of`` an object."""
    return f"kubectl annotate --overwrite {of} jenkins2fa.dev/approve-weakening={approval}"


def policy_approvals(policy: TwoFactorPolicy, desired: Desired, instance: JenkinsInstance, seen: Observation) -> tuple[str, ...]:
    """The digests that let what a policy wants weaken this Jenkins; the first is the one to ask for.

    That of the policy alone, for all that it governs already, and one for this Jenkins alone. A Jenkins whose mark names another policy,
    or that has none, needs its own: it was not there when the policy was approved. Another edit needs another approval."""
    generation = policy.meta.generation
    own = f"{generation}-{approval_digest(desired, _identity(instance, seen))}"
    if seen.owner is None or seen.owner.policy != policy.meta.uid:
        return (own,)
    return f"{generation}-{approval_digest(desired)}", own


def release_approval(instance: JenkinsInstance, seen: Observation, mark: Owner, deletion: DeletionPolicy) -> str:
    """The digest that lets the end of the policy in ``mark`` weaken this Jenkins: good for this end alone."""
    document = [*_identity(instance, seen), mark.policy, deletion.value]
    return f"release-{_digest(document)}"


def break_glass_approval(break_glass: TwoFactorBreakGlass) -> str:
    """What the annotation has to name so that this very object may be opened. Its UID is part of it, so it cannot be known before."""
    meta, spec = break_glass.meta, break_glass.spec
    document = [meta.namespace, meta.name, meta.uid, format_time(spec.expires_at), spec.reason]
    return f"break-glass-{_digest(document)}"


def approval_digest(desired: Desired, only: Sequence[str] = ()) -> str:
    """Names what somebody approves of: the desired state without what differs from Jenkins to Jenkins (account, gate's version).

    ``only`` names the one Jenkins that it is meant for; empty = every one."""
    gate = replace(desired.gate, operator=None) if desired.gate else None
    return _digest([settings_document(desired.plugin), gate_configuration(gate) if gate else None, *([list(only)] if only else [])])


def _identity(instance: JenkinsInstance, seen: Observation) -> tuple[str, ...]:
    """Which Jenkins: neither another object of this name nor another Jenkins at this URL."""
    return str(instance.meta.key), instance.meta.uid, instance.spec.url, seen.identity


def _digest(document: object) -> str:
    return hashlib.sha256(canonical(document).encode()).hexdigest()[:12]
