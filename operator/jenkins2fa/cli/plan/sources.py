"""What a plan or a report is about: one controller of the command line, the manifests of a folder, or a cluster that they go into.

Without a cluster, Secrets come from files too. A value of a Secret may be ``$(NAME)``: the environment variable, so that the file can be
kept in Git.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jenkins2fa.api.fields import InvalidObject, format_time
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.parse import parse_instance, parse_policy, parse_policy_or_scope
from jenkins2fa.api.policy import CLUSTER_KIND, TwoFactorPolicy
from jenkins2fa.api.references import ReferenceUnreadable
from jenkins2fa.cli.cluster import Cluster, api_error
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.cli.manifests import STANDARD_INPUT, Manifest, UnreadableDocument, UnreadableFile, find_files, read_manifests
from jenkins2fa.cli.options import JenkinsOptions, read_policy, read_target
from jenkins2fa.cli.validate import load_manifests
from jenkins2fa.core.observation import COMMAND_LINE
from jenkins2fa.core.precedence import Resolution, resolve
from jenkins2fa.jenkins.connection import Connection, Connections
from jenkins2fa.kube.client import KubernetesError

Body = Mapping[str, Any]
Name = tuple[str, str]
Labels = Mapping[str, Mapping[str, str]]
KINDS = ("JenkinsInstance", "TwoFactorPolicy")
HINTS = {"OperatorLockedOut": "on this command line: --gate Managed, or --second-factor-seed-file FILE"}


@dataclass(frozen=True, slots=True)
class Sources:
    """Instances, policies, and how to reach the controllers. ``connect`` raises JenkinsError or KubernetesError.

    ``chosen``: governs every instance, regardless of its selector. ``former``: the policies that are in the cluster now. ``cluster``: its
    UID; None = there is no cluster, "" = this user may not read it. ``take_over``: the owner whose controller may be taken over.
    ``notes``: what was left out, and why. ``hints``: by the reason of a refusal, what the user can do about it."""

    instances: tuple[JenkinsInstance, ...]
    policies: tuple[TwoFactorPolicy, ...]
    connect: Callable[[JenkinsInstance], Connection] = field(repr=False)
    chosen: TwoFactorPolicy | None = None
    former: tuple[TwoFactorPolicy, ...] = ()
    labels: Labels = field(default_factory=dict)
    cluster: str | None = None
    take_over: str | None = None
    notes: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, instance: JenkinsInstance) -> Resolution:
        """Which policy governs an instance."""
        if self.chosen is not None:
            return Resolution(self.chosen)
        return resolve(instance, self.policies, self.labels)

    def resolve_former(self, instance: JenkinsInstance) -> Resolution:
        """Which policy governs it in the cluster now."""
        return resolve(instance, self.former, self.labels)


def from_command_line(
    files: tuple[str, ...], jenkins: JenkinsOptions, gate: str | None, policy: str | None, take_over: str | None = None
) -> Sources:
    """One controller, from the options or the one instance in the files, and the one policy in the files. Raises CommandError."""
    manifests = load_manifests(files)
    chosen, target = read_policy(manifests, policy), read_target(manifests, jenkins, gate)
    return Sources(
        (target.instance,),
        (chosen,),
        lambda instance: target.connection,
        chosen=chosen,
        cluster=COMMAND_LINE,
        take_over=take_over,
        hints=HINTS,
    )


def from_files(files: tuple[str, ...], secrets: tuple[str, ...], namespace: str | None) -> Sources:
    """Every instance and policy of the files; ``secrets``: the files with the Secrets that the instances name. Raises CommandError."""
    bodies = _read(files, namespace or "default")
    return Sources(
        tuple(parse_instance(body) for body in bodies["JenkinsInstance"].values()),
        tuple(parse_policy(body) for body in bodies["TwoFactorPolicy"].values()),
        Connections(SecretFiles(secrets, namespace or "default"), time.monotonic).connection,
        labels=_labels(files),
    )


def from_cluster(files: tuple[str, ...], cluster: Cluster, *, everywhere: bool, prune: bool) -> Sources:
    """The cluster as it would be after the files are applied; ``prune``: without policies that are not in the files.

    Raises CommandError."""
    applied = _read(files, cluster.namespace)
    namespaces = _namespaces(applied, cluster.namespace)
    try:
        live = {
            "JenkinsInstance": _listed(cluster.instances, namespaces, everywhere=everywhere),
            "TwoFactorPolicy": _listed(cluster.policies, namespaces, everywhere=everywhere),
        }
        cluster_policies = cluster.cluster_policies()
        labels = {**cluster.labels(), **_labels(files)}
        uid = cluster.uid()
    except KubernetesError as problem:
        raise api_error(problem) from None
    notes: list[str] = [] if cluster_policies is not None else ["you may not list ClusterTwoFactorPolicies, so the plan leaves them out"]
    live["TwoFactorPolicy"] |= {("", body["metadata"]["name"]): body for body in cluster_policies or ()}
    kept = _kept(applied["TwoFactorPolicy"], live["TwoFactorPolicy"]) if prune and files else live["TwoFactorPolicy"]
    policies = {**kept, **_as_applied(applied["TwoFactorPolicy"], live["TwoFactorPolicy"])}
    instances = {**live["JenkinsInstance"], **_as_applied(applied["JenkinsInstance"], live["JenkinsInstance"])}
    return Sources(
        _instances(instances, notes),
        governing_policies(policies, notes),
        cluster.connections.connection,
        former=governing_policies(live["TwoFactorPolicy"], []),
        labels=labels,
        cluster=uid,
        notes=tuple(notes),
    )


def _kept(applied: Mapping[Name, Body], live: Mapping[Name, Body]) -> dict[Name, Body]:
    """What ``prune`` keeps: the cluster policies, if the files hold none."""
    holds_cluster_policies = any(not namespace for namespace, _ in applied)
    return {name: body for name, body in live.items() if not name[0] and not holds_cluster_policies}


def _read(files: tuple[str, ...], namespace: str) -> dict[str, dict[Name, Body]]:
    """Our objects in the files by kind and name, each with its namespace. Cluster policies are policies without one."""
    bodies: dict[str, dict[Name, Body]] = {kind: {} for kind in KINDS}
    for manifest in load_manifests(files) if files else ():
        kind = "TwoFactorPolicy" if manifest.kind == CLUSTER_KIND else manifest.kind
        if kind not in KINDS:
            continue
        name = ("", manifest.name) if manifest.kind == CLUSTER_KIND else (manifest.namespace or namespace, manifest.name)
        if name in bodies[kind]:
            raise CommandError(
                f"{manifest.file}:{manifest.line()}: the {manifest.kind} {'/'.join(filter(None, name))} is in the files twice"
            )
        bodies[kind][name] = {**manifest.body, "metadata": {**manifest.body["metadata"], **({"namespace": name[0]} if name[0] else {})}}
    return bodies


def _namespaces(applied: Mapping[str, Mapping[Name, Body]], own: str) -> list[str]:
    """The namespaces of the objects in the files, or this user's own if there are none."""
    return sorted({namespace for bodies in applied.values() for namespace, _ in bodies if namespace}) or [own]


def _listed(lister: Callable[[str | None], list[Any]], own: list[str], *, everywhere: bool) -> dict[Name, Body]:
    namespaces: Iterable[str | None] = [None] if everywhere else own
    return {(body["metadata"]["namespace"], body["metadata"]["name"]): body for space in namespaces for body in lister(space)}


def _as_applied(applied: Mapping[Name, Body], live: Mapping[Name, Body]) -> dict[Name, Body]:
    """The objects as the API server would hold them: with the identity, age and other annotations of those that exist already."""
    now = format_time(datetime.now(UTC))
    result: dict[Name, Body] = {}
    for name, body in applied.items():
        live_metadata = (live.get(name) or {}).get("metadata") or {}
        kept = {key: live_metadata[key] for key in ("uid", "generation", "creationTimestamp") if key in live_metadata} or {
            "creationTimestamp": now
        }
        annotations = {**(live_metadata.get("annotations") or {}), **(body["metadata"].get("annotations") or {})}
        result[name] = {**body, "metadata": {**body["metadata"], **kept, "annotations": annotations}}
    return result


def _instances(bodies: Mapping[Name, Body], notes: list[str]) -> tuple[JenkinsInstance, ...]:
    """Instances that are invalid are left out; the operator reports Invalid for them."""
    instances = []
    for name, body in bodies.items():
        try:
            instances.append(parse_instance(body))
        except InvalidObject as problem:
            notes.append(f"{_invalid('JenkinsInstance', name, problem)}: it is left out")
    return tuple(instances)


def governing_policies(bodies: Mapping[Name, Body], notes: list[str]) -> tuple[TwoFactorPolicy, ...]:
    """A policy that is invalid still keeps the instances that it selects from other policies, as in the operator."""
    policies = []
    for name, body in bodies.items():
        try:
            policies.append(parse_policy(body))
        except InvalidObject as problem:
            notes.append(_invalid("TwoFactorPolicy" if name[0] else CLUSTER_KIND, name, problem))
            governing = parse_policy_or_scope(body)
            policies += [governing] if governing is not None else []
    return tuple(policies)


def _invalid(kind: str, name: Name, problem: InvalidObject) -> str:
    return f"{kind} {'/'.join(filter(None, name))} is invalid: {' '.join(str(problem).split())}"


def _labels(files: tuple[str, ...]) -> Labels:
    """The labels of the Namespaces in the files."""
    labels: dict[str, Mapping[str, str]] = {}
    for file in find_files(path for path in files if path != STANDARD_INPUT):
        for manifest in read_manifests(file):
            if isinstance(manifest, Manifest) and manifest.kind == "Namespace" and manifest.body.get("apiVersion") == "v1":
                labels[manifest.name] = (manifest.body.get("metadata") or {}).get("labels") or {}
    return labels


VARIABLE = re.compile(r"\s*\$\(([A-Za-z_][A-Za-z0-9_]*)\)\s*")
REFERENCED_KINDS = ("Secret", "ConfigMap")


class SecretFiles:
    """The ``References`` of core, from files. Objects of other kinds are skipped."""

    def __init__(self, paths: tuple[str, ...], namespace: str) -> None:
        """``namespace``: of objects that name none. Raises CommandError; never repeats a value."""
        self._bodies: dict[tuple[str, Key], Mapping[str, Any]] = {}
        for manifest in _objects(paths):
            key = Key(manifest.namespace or namespace, manifest.name)
            if (manifest.kind, key) in self._bodies:
                raise CommandError(f"{manifest.file}:{manifest.line()}: the {manifest.kind} {key} is in the files of --secrets twice")
            self._bodies[manifest.kind, key] = manifest.body

    def read(self, kind: str, key: Key) -> Mapping[str, str]:
        body = self._bodies.get((kind, key))
        if body is None:
            raise ReferenceUnreadable(f"no {kind} {key} in the files of --secrets: add it there, or correct the reference")
        if kind == "ConfigMap":
            return _strings(body.get("data"))
        data = {**_decoded(body.get("data")), **_strings(body.get("stringData"))}
        return {name: _resolved(value, name, key) for name, value in data.items()}

    def read_again(self, kind: str, key: Key) -> None:
        """Files do not change while a plan is made."""

    def forget(self, kind: str, key: Key) -> None:
        """Nothing is cached."""


def _objects(paths: tuple[str, ...]) -> Iterator[Manifest]:
    try:
        for file in find_files(paths):
            for manifest in read_manifests(file):
                if isinstance(manifest, UnreadableDocument):
                    raise CommandError(f"{manifest.file}:{manifest.line}: {manifest.message}")
                if manifest.kind in REFERENCED_KINDS and manifest.body.get("apiVersion") == "v1":
                    yield manifest
    except UnreadableFile as error:
        raise CommandError(f"--secrets {error}") from None


def _strings(values: Any) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)} if isinstance(values, Mapping) else {}


def _decoded(values: Any) -> dict[str, str]:
    decoded = {}
    for name, value in _strings(values).items():
        try:
            decoded[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except ValueError:
            continue  # not UTF-8: none of our keys
    return decoded


def _resolved(value: str, name: str, key: Key) -> str:
    match = VARIABLE.fullmatch(value)
    if match is None:
        return value
    content = os.environ.get(match[1], "").strip()
    if not content:
        raise ReferenceUnreadable(f"the Secret {key}, key {name}: the environment variable {match[1]} is empty or not set")
    return content
