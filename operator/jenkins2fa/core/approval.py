"""Approvals of what weakens the protection: the digests that name it, and whether an annotation names one of them."""

from __future__ import annotations

import hashlib
import re

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import APPROVE_WEAKENING, Metadata
from jenkins2fa.api.policy import DeletionPolicy, TwoFactorPolicy
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import approval_digest
from jenkins2fa.core.settings import canonical

_BETWEEN = re.compile(r"[\s,]+")


def approved(meta: Metadata, *digests: str) -> bool:
    """Whether an object's annotation names one of ``digests``; it may name several, separated by commas or white space."""
    named = {one for one in _BETWEEN.split(meta.annotations.get(APPROVE_WEAKENING, "")) if one}
    return not named.isdisjoint(digests)


def wish_approvals(policy: TwoFactorPolicy, desired: Desired, instance: JenkinsInstance, seen: Observation) -> tuple[str, ...]:
    """The digests that let what a policy wants weaken this Jenkins; the first is the one to ask for.

    That of the policy alone, for all that it governs already, and one for this Jenkins alone. A Jenkins whose mark names another policy,
    or that has none, needs its own: it was not there when the policy was approved of. Another edit needs another approval."""
    generation = policy.meta.generation
    own = f"{generation}-{approval_digest(desired, _identity(instance, seen))}"
    if seen.owner is None or seen.owner.policy != policy.meta.uid:
        return (own,)
    return f"{generation}-{approval_digest(desired)}", own


def release_approval(instance: JenkinsInstance, seen: Observation, mark: Owner, deletion: DeletionPolicy) -> str:
    """The digest that lets the end of the policy in ``mark`` weaken this Jenkins: good for this end alone."""
    document = [*_identity(instance, seen), mark.policy, deletion.value]
    return f"release-{hashlib.sha256(canonical(document).encode()).hexdigest()[:12]}"


def _identity(instance: JenkinsInstance, seen: Observation) -> tuple[str, ...]:
    """Which Jenkins: neither another object of this name nor another Jenkins at this URL."""
    return str(instance.meta.key), instance.meta.uid, instance.spec.url, seen.identity
