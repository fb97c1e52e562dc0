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
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.cli.manifests import POLICY_KINDS
from jenkins2fa.core.summary import Summary, summary_of
from jenkins2fa.jenkins.connection import Connections
from jenkins2fa.kube.client import (
    MERGE_PATCH,
    Body,
    Connection,
    Forbidden,
    Kubernetes,
    KubernetesError,
    NoConnection,
    NotFound,
    custom_path,
)
from jenkins2fa.kube.lease import GONE_AFTER, NAME, OPERATOR, Timing
from jenkins2fa.kube.secrets import Reader, ReferenceCache

F = TypeVar("F", bound=Callable[..., Any])
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
MANAGER = "kubectl-twofactor"


class UserKubernetes(Kubernetes):
    """The operator never writes to users' objects; the user of the command line may."""

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
    """``namespace``: of objects that name none. ``connections``: reads Secrets with this user's rights."""

    kubernetes: UserKubernetes
    namespace: str
    connections: Connections = field(repr=False)

    def uid(self) -> str:
        """The UID that owner records name; empty if this user may not read it (guessing the operator's fallback would be wrong)."""
        try:
            return str(self.kubernetes.namespace("kube-system")["metadata"]["uid"])
        except (Forbidden, NotFound):
            return ""

    def policies(self, namespace: str | None) -> list[Body]:
        return list(self.kubernetes.list(policy.PLURAL, namespace))

    def cluster_policies(self) -> list[Body] | None:
        """None if this user may not list them, or the cluster does not have their CRD."""
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
        """One object of this namespace, or (``scoped``) of the cluster, as far as this user may read it; None if there is none."""
        try:
            return self.kubernetes.get(plural, Key("" if scoped else self.namespace, name))
        except NotFound:
            return None
        except Forbidden:
            if scoped:
                return None
            raise

    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Labels by namespace; empty if this user may not list namespaces."""
        try:
            return {body["metadata"]["name"]: body["metadata"].get("labels") or {} for body in self.kubernetes.namespaces()}
        except Forbidden:
            return {}


def cluster_options(command: F) -> F:
    """Adds ``--kubeconfig`` and ``--context``."""
    options = (
        click.option(
            "--kubeconfig", type=click.Path(), metavar="FILE", help="Path of the kubeconfig. Default: that of kubectl. [env: KUBECONFIG]"
        ),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig. Default: the current one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_cluster(kubeconfig: str | None, context: str | None, namespace: str | None) -> Cluster:
    """Raises CommandError if there is no usable configuration, or the API server does not serve our custom resources."""
    try:
        kubernetes = UserKubernetes(Connection(kubeconfig, context))
        if not kubernetes.served():
            raise CommandError("the API server does not serve jenkins2fa.dev: apply the CRDs in crds/ first")
    except NoConnection as problem:
        raise CommandError(str(problem)) from None
    except KubernetesError as problem:
        raise CommandError(f"the API server cannot be used: {problem}") from None
    connections = Connections(ReferenceCache(kubernetes, time.monotonic, Reader.PERSON), time.monotonic)
    return Cluster(kubernetes, namespace or _current_namespace(kubeconfig, context), connections)


def api_error(problem: KubernetesError) -> CommandError:
    """An error of the API server that ends the command; its message names verb, resource and namespace."""
    return CommandError(f"{problem}" if not isinstance(problem, Forbidden) else f"you have no right to do that: {problem}")


def _current_namespace(kubeconfig: str | None, context: str | None) -> str:
    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError):
        return next(_pod_namespace(), "default")
    chosen = next((entry for entry in contexts if entry["name"] == context), active) if context else active
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


@dataclass(frozen=True, slots=True)
class ClusterObject:
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
        """Its state in a few words."""
        return summary_of(self.body)

    def condition(self, kind: str) -> Condition | None:
        return condition_of(self.body, kind)


def find_policy(cluster: Cluster, name: str) -> ClusterObject:
    """A policy of this namespace, else a cluster policy. Raises CommandError."""
    return find_object(cluster, name, POLICY_KINDS)


def find_object(cluster: Cluster, name: str, kinds: tuple[str, ...] = (*POLICY_KINDS, instance.KIND)) -> ClusterObject:
    """An object by its name: a policy of this namespace, else a cluster policy, else an instance. Raises CommandError."""
    prefix, slash, rest = name.partition("/")
    if slash:
        if prefix.lower() not in PREFIXES:
            raise CommandError(f"{name}: write policy/{rest}, ctfp/{rest} or instance/{rest}; namespaces are given by -n")
        prefixed = PREFIXES[prefix.lower()]
        if prefixed not in kinds:
            raise CommandError(f"{name}: this command is for a policy")
        kinds, name = (prefixed,), rest
    for kind in kinds:
        body = cluster.find(PLURALS[kind], name, scoped=kind == policy.CLUSTER_KIND)
        if body is not None:
            return ClusterObject(kind, body)
    words = "policy or instance" if len(kinds) > len(POLICY_KINDS) else WORDS[kinds[0]]
    where = "" if kinds == (policy.CLUSTER_KIND,) else f" in namespace {cluster.namespace}"
    raise CommandError(f"there is no {words} {name}{where}{_suggestion(cluster, name, kinds)}")


def governed(cluster: Cluster, policy_object: ClusterObject) -> list[ClusterObject]:
    """The instances that a policy governs by their statuses; in other namespaces too, if this user may read them."""
    key = policy_object.key
    bodies = cluster.instances(key.namespace or None)
    reference = {"namespace": key.namespace, "name": key.name}
    members = [ClusterObject(instance.KIND, body) for body in bodies if _governing_reference(body) == reference]
    return sorted(members, key=lambda member: (member.key.namespace, member.key.name))


def _governing_reference(body: Body) -> dict[str, str | None]:
    reference = (body.get("status") or {}).get("policy") or {}
    return {name: reference.get(name, "") for name in ("namespace", "name")}


def _suggestion(cluster: Cluster, name: str, kinds: tuple[str, ...]) -> str:
    listed: dict[str, Callable[[], Iterable[Body]]] = {
        policy.KIND: lambda: cluster.policies(cluster.namespace),
        policy.CLUSTER_KIND: lambda: cluster.cluster_policies() or (),
        instance.KIND: lambda: cluster.instances(cluster.namespace),
    }
    known = {body["metadata"]["name"] for kind in kinds for body in listed[kind]()}
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else " (-n names another)"


def absence_warning(cluster: Cluster, bodies: Iterable[Body], now: datetime) -> str | None:
    """One line that names the operators that no longer maintain these statuses; None = they run, or this user may not read their Lease.

    A status does not age by itself: without this, nobody would notice that the operator is gone."""
    namespaces = sorted({str(operator) for body in bodies if (operator := (body.get("status") or {}).get(OPERATOR))})
    problems = [problem for namespace in namespaces if (problem := _read_lease(cluster, Key(namespace, NAME), now))]
    if not problems:
        return None
    return f"Warning: no operator is running ({'; '.join(problems)}). This is the last recorded state, which may be out of date"


def _read_lease(cluster: Cluster, key: Key, now: datetime) -> str | None:
    """What is wrong with one Lease; None also for a user who may not read it, which is not an error."""
    try:
        return lease_problem(key, cluster.kubernetes.lease(key), now)
    except NotFound:
        return lease_problem(key, None, now)
    except KubernetesError:
        return None


def lease_problem(key: Key, lease: Body | None, now: datetime) -> str | None:
    """Why a Lease shows that its operator is gone; None = it runs."""
    if lease is None:
        return f"there is no Lease {key}"
    spec: dict[str, Any] = lease.get("spec") or {}
    renewed = spec.get("renewTime")
    if renewed is None:
        return f"nobody has renewed Lease {key}"
    seconds = max(Timing().duration, float(spec.get("leaseDurationSeconds") or 0))  # a Lease that was released has 1
    if now - parse_time(renewed) < GONE_AFTER * timedelta(seconds=seconds):
        return None
    return f"Lease {key} was last renewed at {parse_time(renewed):%Y-%m-%d %H:%M:%S} UTC"
