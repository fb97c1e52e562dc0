"""Which object a person means by a name, and reading its status."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from jenkins2fa.api import instance, policy
from jenkins2fa.api.meta import Key, read_metadata
from jenkins2fa.api.status import Condition, condition_of
from jenkins2fa.cli.cluster import Cluster
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.core.summary import Summary, summary_of
from jenkins2fa.kube.client import Body

PREFIXES = {
    **dict.fromkeys(("policy", "tfp", "twofactorpolicy", "twofactorpolicies"), policy.KIND),
    **dict.fromkeys(("instance", "ji", "jenkinsinstance", "jenkinsinstances"), instance.KIND),
}
PLURALS = {policy.KIND: policy.PLURAL, instance.KIND: instance.PLURAL}
WORDS = {policy.KIND: "policy", instance.KIND: "instance"}


@dataclass(frozen=True, slots=True)
class Named:
    """An object as it is in the cluster."""

    kind: str
    body: Body

    @property
    def key(self) -> Key:
        return read_metadata(self.body).key

    @property
    def label(self) -> str:
        return f"{WORDS[self.kind]} {self.key}"

    @property
    def summary(self) -> Summary:
        """What is the matter with it now."""
        return summary_of(self.body)

    def condition(self, kind: str) -> Condition | None:
        return condition_of(self.body, kind)


def find_named(cluster: Cluster, name: str, kind: str | None = None) -> Named:
    """An object of this namespace; a policy first, when both kinds have one of that name. Raises CannotGoOn."""
    prefix, slash, rest = name.partition("/")
    if slash:
        if prefix.lower() not in PREFIXES:
            raise CannotGoOn(f"{name}: write policy/{rest} or instance/{rest}; namespaces are given by -n")
        wanted = PREFIXES[prefix.lower()]
        if kind not in (None, wanted):
            raise CannotGoOn(f"{name}: this command is for a policy")
        kind, name = wanted, rest
    for one in (kind,) if kind else (policy.KIND, instance.KIND):
        body = cluster.find(PLURALS[one], name)
        if body is not None:
            return Named(one, body)
    kinds = WORDS[kind] if kind else "policy or instance"
    raise CannotGoOn(f"there is no {kinds} {name} in namespace {cluster.namespace}{_guess(cluster, name, kind)}")


def governed(cluster: Cluster, found: Named) -> list[Named]:
    """The instances that a policy governs by their statuses; in other namespaces too, if this person may see them."""
    key = found.key
    wide = (found.body.get("spec") or {}).get("namespaceSelector") is not None
    bodies = cluster.instances(None if wide else key.namespace)
    wanted = {"namespace": key.namespace, "name": key.name}
    named = [Named(instance.KIND, body) for body in bodies if _policy(body) == wanted]
    return sorted(named, key=lambda one: (one.key.namespace, one.key.name))


def _policy(body: Body) -> dict[str, str | None]:
    held = (body.get("status") or {}).get("policy") or {}
    return {name: held.get(name) for name in ("namespace", "name")}


def _guess(cluster: Cluster, name: str, kind: str | None) -> str:
    listed: dict[str, Iterable[Body]] = {
        policy.KIND: cluster.policies(cluster.namespace),
        instance.KIND: () if kind == policy.KIND else cluster.instances(cluster.namespace),
    }
    known = {body["metadata"]["name"] for bodies in listed.values() for body in bodies}
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else " (-n names another)"
