"""Which policy governs an instance. Never a mixture of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jenkins2fa.api.instance import JenkinsInstance
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
