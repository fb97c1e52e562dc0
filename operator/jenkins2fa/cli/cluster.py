"""A cluster as the user of the command line may see it: our custom resources, with that user's kubeconfig and rights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from kubernetes import config
from kubernetes.config.config_exception import ConfigException

from jenkins2fa.api import break_glass, instance, policy
from jenkins2fa.api.meta import Key
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.jenkins.connections import Connections
from jenkins2fa.kube.client import MERGE_PATCH, Body, Forbidden, Kubernetes, KubernetesError, NotFound, custom_path
from jenkins2fa.kube.connection import Connection, NoConnection
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
