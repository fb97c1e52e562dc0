"""Rights of a service account: those that roles grant, and those that it used according to the API server's audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Body = Mapping[str, Any]
CLUSTER = ""  # as a namespace: the whole cluster


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource (`pods`, `pods/status`). `namespace` CLUSTER = everywhere; `name` None = every name."""

    namespace: str
    group: str
    resource: str
    verb: str
    name: str | None = None

    def covers(self, request: Right) -> bool:
        """Whether this right allows a request."""
        same = (self.group, self.resource, self.verb) == (request.group, request.resource, request.verb)
        return same and self.namespace in (CLUSTER, request.namespace) and self.name in (None, request.name)


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests of one account, by the API server's decision."""

    allowed: frozenset[Right]
    denied: frozenset[Right]


def audit_flags(folder: Path, user: str) -> list[str]:
    """Flags of kube-apiserver that log every request of `user`; writes the audit policy that they name."""
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}]}
    (folder / "audit-policy.json").write_text(json.dumps(policy))
    return [f"--audit-policy-file={folder / 'audit-policy.json'}", f"--audit-log-path={folder / 'audit.log'}"]


def usage(log: Path) -> Usage:
    """The requests in the audit log. A watch counts when it starts, because it may not end."""
    found: dict[bool, set[Right]] = {True: set(), False: set()}
    for line in log.read_text().splitlines() if log.exists() else ():
        event = json.loads(line)
        reference, code = event.get("objectRef"), (event.get("responseStatus") or {}).get("code")
        if reference is None or code is None or not reference.get("resource"):
            continue
        resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
        namespace = reference.get("namespace", CLUSTER)
        right = Right(namespace, reference.get("apiGroup", ""), resource, event["verb"], reference.get("name"))
        found[code != 403].add(right)
    return Usage(frozenset(found[True]), frozenset(found[False]))


def granted(roles: Iterable[Body], bindings: Iterable[Body], account: tuple[str, str]) -> set[Right]:
    """Every right of an account (namespace, name). A ClusterRole that a RoleBinding binds counts in that namespace."""
    rules = {(role["kind"], role["metadata"].get("namespace", CLUSTER), role["metadata"]["name"]): role["rules"] for role in roles}
    found: set[Right] = set()
    for binding in bindings:
        subjects = [(one.get("namespace"), one["name"]) for one in binding.get("subjects") or () if one["kind"] == "ServiceAccount"]
        if account not in subjects:
            continue
        where, reference = binding["metadata"].get("namespace", CLUSTER), binding["roleRef"]
        role = (reference["kind"], CLUSTER if reference["kind"] == "ClusterRole" else where, reference["name"])
        for rule in rules[role]:
            found.update(single_rights(rule, where))
    return found


def single_rights(rule: Body, namespace: str) -> Iterator[Right]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames") or [None]:
                    yield Right(namespace, group, resource, verb, name)


def superfluous(given: Iterable[Right], used: Iterable[Right]) -> set[Right]:
    """Rights that no request needed."""
    requests = list(used)
    return {right for right in given if not any(right.covers(request) for request in requests)}
