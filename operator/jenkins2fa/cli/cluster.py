"""A cluster as the user of the command line sees it: our custom resources, with that user's kubeconfig and rights."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from kubernetes import config
from kubernetes.config.config_exception import ConfigException

from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.meta import Key, read_metadata
from jenkins2fa.api.status import Condition, condition_of
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.core.summary import Summary, summary_of
from jenkins2fa.jenkins.connections import Connections
from jenkins2fa.kube.client import MERGE_PATCH, Body, Forbidden, Kubernetes, KubernetesError, NotFound, custom_path
from jenkins2fa.kube.connection import Connection, NoConnection
from jenkins2fa.kube.lease import GONE_AFTER, NAME, OPERATOR, Timing
from jenkins2fa.kube.secrets import Reader, ReferenceCache

F = TypeVar("F", bound=Callable[..., Any])
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
MANAGER = "kubectl-twofactor"


class PersonsKubernetes(Kubernetes):
    """The operator never writes to users' objects; a person at the command line may."""

    def patch(self, plural: str, key: Key, patch: Mapping[str, Any]) -> Body:
        """Merge ``patch`` into an object and return it."""
        path = f"{custom_path(plural, key.namespace)}/{key.name}?fieldManager={MANAGER}"
        return self._call("PATCH", path, dict(patch), MERGE_PATCH)

    def create(self, plural: str, namespace: str, body: Body) -> Body:
        """Create an object and return it."""
        return self._call("POST", f"{custom_path(plural, namespace)}?fieldManager={MANAGER}", body)

    def delete(self, plural: str, key: Key) -> None:
        self._call("DELETE", f"{custom_path(plural, key.namespace)}/{key.name}")

    def events(self, namespace: str | None) -> Iterator[Body]:
        """Events of one namespace or (None) of all; the operator itself has no right to read them."""
        yield from self._pages(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events" if namespace else "/apis/events.k8s.io/v1/events")


@dataclass(frozen=True, slots=True)
class Cluster:
    """``namespace`` is the one that objects without one belong to. ``credentials`` reads Secrets with this person's rights."""

    kubernetes: PersonsKubernetes
    namespace: str
    connections: Connections = field(repr=False)

    def uid(self) -> str:
        """The UID that owner records name; empty if this user may not read it (the operator's own fallback is not ours to guess)."""
        try:
            return str(self.kubernetes.namespace("kube-system")["metadata"]["uid"])
        except (Forbidden, NotFound):
            return ""

    def policies(self, namespace: str | None) -> list[Body]:
        return list(self.kubernetes.list(policy.PLURAL, namespace))

    def cluster_policies(self) -> list[Body] | None:
        """None when this person may not list them, or the cluster does not know them."""
        try:
            return list(self.kubernetes.list(policy.CLUSTER_PLURAL, None))
        except (Forbidden, NotFound):
            return None

    def instances(self, namespace: str | None) -> list[Body]:
        return list(self.kubernetes.list(instance.PLURAL, namespace))

    def break_glasses(self, namespace: str | None) -> list[Body]:
        return list(self.kubernetes.list(break_glass.PLURAL, namespace))

    def events(self, namespace: str | None) -> list[Body]:
        return list(self.kubernetes.events(namespace))

    def find(self, plural: str, name: str, *, scoped: bool = False) -> Body | None:
        """One object of this namespace, or (``scoped``) of the cluster, as far as this person may know; None when there is none."""
        try:
            return self.kubernetes.get(plural, Key("" if scoped else self.namespace, name))
        except NotFound:
            return None
        except Forbidden:
            if scoped:
                return None
            raise

    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Labels by namespace; empty when this person may not list namespaces."""
        try:
            return {body["metadata"]["name"]: body["metadata"].get("labels") or {} for body in self.kubernetes.namespaces()}
        except Forbidden:
            return {}


def cluster_options(command: F) -> F:
    """Adds ``--kubeconfig`` and ``--context``."""
    options = (
        click.option("--kubeconfig", type=click.Path(), help="Path of the kubeconfig. Default: as kubectl. [env: KUBECONFIG]"),
        click.option("--context", help="Context of the kubeconfig. Default: the current one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_cluster(kubeconfig: str | None, context: str | None, namespace: str | None) -> Cluster:
    """Raises CannotGoOn when there is no usable configuration, or the API server does not know our resources."""
    try:
        kubernetes = PersonsKubernetes(Connection(kubeconfig, context))
        if not kubernetes.served():
            raise CannotGoOn("the API server does not serve jenkins2fa.dev: apply the CRDs in crds/ first")
    except NoConnection as problem:
        raise CannotGoOn(str(problem)) from None
    except KubernetesError as problem:
        raise CannotGoOn(f"the API server cannot be used: {problem}") from None
    connections = Connections(ReferenceCache(kubernetes, time.monotonic, Reader.PERSON), time.monotonic)
    return Cluster(kubernetes, namespace or _current_namespace(kubeconfig, context), connections)


def api_error(problem: KubernetesError) -> CannotGoOn:
    """An error of the API server that ends the command; its message names verb, resource and namespace."""
    return CannotGoOn(f"{problem}" if not isinstance(problem, Forbidden) else f"you have no right to do that: {problem}")


def _current_namespace(kubeconfig: str | None, context: str | None) -> str:
    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError):
        return next(_pod_namespace(), "default")
    chosen = next((one for one in contexts if one["name"] == context), active) if context else active
    return str((chosen.get("context") or {}).get("namespace") or "default")


def _pod_namespace() -> Iterator[str]:
    if POD_NAMESPACE.is_file():
        yield POD_NAMESPACE.read_text(encoding="utf-8").strip()


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


def silence(cluster: Cluster, bodies: Iterable[Body], now: datetime) -> str | None:
    """One line that says which operators behind these statuses are gone; None = they live, or nobody may tell us."""
    namespaces = sorted({str(named) for body in bodies if (named := (body.get("status") or {}).get(OPERATOR))})
    found = [text for namespace in namespaces if (text := _read(cluster, Key(namespace, NAME), now))]
    if not found:
        return None
    return f"Warning: no operator is running ({'; '.join(found)}). This is the last recorded state, which may be out of date"


def _read(cluster: Cluster, key: Key, now: datetime) -> str | None:
    """What is wrong with one Lease. Whoever may not read it is told nothing: that is no error of theirs."""
    try:
        return told_by(key, cluster.kubernetes.lease(key), now)
    except NotFound:
        return told_by(key, None, now)
    except KubernetesError:
        return None


def told_by(key: Key, lease: Body | None, now: datetime) -> str | None:
    """What a Lease says against its operator; None = nothing."""
    if lease is None:
        return f"there is no Lease {key}"
    spec: dict[str, Any] = lease.get("spec") or {}
    renewed = spec.get("renewTime")
    if renewed is None:
        return f"nobody has renewed Lease {key}"
    seconds = max(Timing().duration, float(spec.get("leaseDurationSeconds") or 0))  # one that was given back says 1
    if now - parse_time(renewed) < GONE_AFTER * timedelta(seconds=seconds):
        return None
    return f"Lease {key} was last renewed at {parse_time(renewed):%Y-%m-%d %H:%M:%S} UTC"
