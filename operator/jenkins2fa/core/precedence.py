"""Which policy governs an instance. Never a mixture of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.policy import TwoFactorPolicy

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Resolution:
    """``winner`` None = no policy selects the instance. ``overridden`` is in order of precedence."""

    winner: TwoFactorPolicy | None
    overridden: tuple[TwoFactorPolicy, ...] = ()


def selects(policy: TwoFactorPolicy, instance: JenkinsInstance, policy_namespace: str | None, namespaces: Mapping[str, Labels]) -> bool:
    """Whether a policy means an instance: of its own namespace, or, from the operator's policy namespace, of those its namespaceSelector
    matches.

    ``namespaces`` holds the labels of the known namespaces by name."""
    if not policy.spec.instance_selector.matches(instance.meta.labels):
        return False
    chosen = policy.spec.namespace_selector
    if policy.meta.namespace == policy_namespace and chosen is not None:
        return chosen.matches(namespaces.get(instance.meta.namespace, {}))
    return policy.meta.namespace == instance.meta.namespace


def is_baseline_for(policy: TwoFactorPolicy, namespace: str, policy_namespace: str | None, namespaces: Mapping[str, Labels]) -> bool:
    """Whether a policy of the operator's policy namespace is meant for the instances of a namespace."""
    chosen = policy.spec.namespace_selector
    return policy.meta.namespace == policy_namespace and chosen is not None and chosen.matches(namespaces.get(namespace, {}))


def escape_of(
    policy: TwoFactorPolicy,
    instance: JenkinsInstance,
    winner: TwoFactorPolicy | None,
    policy_namespace: str | None,
    namespaces: Mapping[str, Labels],
) -> str | None:
    """How an instance of a namespace that a baseline is meant for stays out of it; None when it does not.

    ``winner`` is the policy that governs the instance. One that another policy of the policy namespace governs is no escape."""
    if not is_baseline_for(policy, instance.meta.namespace, policy_namespace, namespaces):
        return None
    if winner is not None and winner.meta.key == policy.meta.key:
        return f"access: {instance.spec.access.value}" if instance.spec.access is not Access.MANAGE else None
    governed = winner is not None and winner.meta.namespace == policy_namespace
    return None if governed else "not selected by its labels"


def resolve(
    instance: JenkinsInstance,
    policies: Iterable[TwoFactorPolicy],
    policy_namespace: str | None,
    namespaces: Mapping[str, Labels],
) -> Resolution:
    """Policies of the policy namespace outrank every other; among equals the highest priority wins, then the oldest, then the name."""
    found = [policy for policy in policies if not policy.meta.deleting and selects(policy, instance, policy_namespace, namespaces)]
    found.sort(key=lambda policy: _rank(policy, policy_namespace))
    return Resolution(found[0], tuple(found[1:])) if found else Resolution(None)


def _rank(policy: TwoFactorPolicy, policy_namespace: str | None) -> tuple[bool, int, float, str, str]:
    meta = policy.meta
    return (meta.namespace != policy_namespace, -policy.spec.priority, meta.created.timestamp(), meta.name, meta.namespace)
