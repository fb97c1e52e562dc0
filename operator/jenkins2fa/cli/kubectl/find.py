"""Which object a person means by a name, and reading its status."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
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
    **dict.fromkeys(("ctfp", "clustertwofactorpolicy", "clustertwofactorpolicies"), policy.CLUSTER_KIND),
    **dict.fromkeys(("instance", "ji", "jenkinsinstance", "jenkinsinstances"), instance.KIND),
}
PLURALS = {policy.KIND: policy.PLURAL, policy.CLUSTER_KIND: policy.CLUSTER_PLURAL, instance.KIND: instance.PLURAL}
WORDS = {policy.KIND: "policy", policy.CLUSTER_KIND: "cluster policy", instance.KIND: "instance"}
POLICY_KINDS = (policy.KIND, policy.CLUSTER_KIND)


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


def find_policy(cluster: Cluster, name: str) -> Named:
    """A policy of this namespace, else a cluster policy. Raises CannotGoOn."""
    return find_named(cluster, name, POLICY_KINDS)


def find_named(cluster: Cluster, name: str, kinds: tuple[str, ...] = (*POLICY_KINDS, instance.KIND)) -> Named:
    """An object by its name: a policy of this namespace, else a cluster policy, else an instance. Raises CannotGoOn."""
    prefix, slash, rest = name.partition("/")
    if slash:
        if prefix.lower() not in PREFIXES:
            raise CannotGoOn(f"{name}: write policy/{rest}, ctfp/{rest} or instance/{rest}; namespaces are given by -n")
        wanted = PREFIXES[prefix.lower()]
        if wanted not in kinds:
            raise CannotGoOn(f"{name}: this command is for a policy")
        kinds, name = (wanted,), rest
    for one in kinds:
        body = cluster.find(PLURALS[one], name, scoped=one == policy.CLUSTER_KIND)
        if body is not None:
            return Named(one, body)
    words = "policy or instance" if len(kinds) > len(POLICY_KINDS) else WORDS[kinds[0]]
    where = "" if kinds == (policy.CLUSTER_KIND,) else f" in namespace {cluster.namespace}"
    raise CannotGoOn(f"there is no {words} {name}{where}{_guess(cluster, name, kinds)}")


def governed(cluster: Cluster, found: Named) -> list[Named]:
    """The instances that a policy governs by their statuses; in other namespaces too, if this person may see them."""
    key = found.key
    bodies = cluster.instances(key.namespace or None)
    wanted = {"namespace": key.namespace, "name": key.name}
    named = [Named(instance.KIND, body) for body in bodies if _policy(body) == wanted]
    return sorted(named, key=lambda one: (one.key.namespace, one.key.name))


def _policy(body: Body) -> dict[str, str | None]:
    held = (body.get("status") or {}).get("policy") or {}
    return {name: held.get(name, "") for name in ("namespace", "name")}


def _guess(cluster: Cluster, name: str, kinds: tuple[str, ...]) -> str:
    listed: dict[str, Callable[[], Iterable[Body]]] = {
        policy.KIND: lambda: cluster.policies(cluster.namespace),
        policy.CLUSTER_KIND: lambda: cluster.cluster_policies() or (),
        instance.KIND: lambda: cluster.instances(cluster.namespace),
    }
    known = {body["metadata"]["name"] for kind in kinds for body in listed[kind]()}
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else " (-n names another)"
