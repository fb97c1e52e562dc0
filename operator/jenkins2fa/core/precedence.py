"""Which policy governs an instance: exactly one, never a mixture."""

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


def selects(policy: TwoFactorPolicy, instance: JenkinsInstance, namespaces: Mapping[str, Labels]) -> bool:
    """Whether a policy selects an instance: by its labels, in a namespace that the policy reaches.

    ``namespaces`` holds the labels of the known namespaces by name."""
    return policy.spec.instance_selector.matches(instance.meta.labels) and reaches(policy, instance.meta.namespace, namespaces)


def reaches(policy: TwoFactorPolicy, namespace: str, namespaces: Mapping[str, Labels]) -> bool:
    """Whether a policy applies to a namespace: its own, or one that the namespaceSelector of a cluster policy matches."""
    chosen = policy.spec.namespace_selector
    return policy.meta.namespace == namespace if chosen is None else chosen.matches(namespaces.get(namespace, {}))


def escape_of(
    policy: TwoFactorPolicy, instance: JenkinsInstance, winner: TwoFactorPolicy | None, namespaces: Mapping[str, Labels]
) -> str | None:
    """How an instance in a namespace of a cluster policy escapes that policy; None = it does not.

    ``winner`` is the policy that governs the instance. It is no escape if another cluster policy governs it."""
    if not policy.is_cluster or not reaches(policy, instance.meta.namespace, namespaces):
        return None
    if winner is not None and winner.meta.key == policy.meta.key:
        return f"access: {instance.spec.access.value}" if instance.spec.access is not Access.MANAGE else None
    return None if winner is not None and winner.is_cluster else "not selected by its labels"


def resolve(instance: JenkinsInstance, policies: Iterable[TwoFactorPolicy], namespaces: Mapping[str, Labels]) -> Resolution:
    """Cluster policies outrank all others. Among equals, the highest priority wins, then the oldest, then the first name."""
    selecting = [policy for policy in policies if not policy.meta.deleting and selects(policy, instance, namespaces)]
    selecting.sort(key=_rank)
    return Resolution(selecting[0], tuple(selecting[1:])) if selecting else Resolution(None)


def _rank(policy: TwoFactorPolicy) -> tuple[bool, int, float, str]:
    return (not policy.is_cluster, -policy.spec.priority, policy.meta.created.timestamp(), policy.meta.name)
