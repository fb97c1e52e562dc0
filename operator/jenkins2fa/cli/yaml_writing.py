"""The YAML that ``jenkins2fa export`` writes: objects with comments above them, in files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.meta import API_VERSION, TAKE_OVER
from jenkins2fa.api.references import narrowest_consent

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyContent:
    """A policy without its selector. ``gaps``: what no field of the spec can express. ``hints``: what to know about this spec."""

    spec: Spec
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What one controller has. ``policy`` None = nothing that a policy could describe.

    ``gaps``: what else cannot be expressed, or makes a plan differ. ``hints``: what to know about this controller. ``owner``: who manages
    it already."""

    policy: PolicyContent | None
    gate: Spec | None
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """One controller that was read. ``authority``: PEM of the certificate authority it was reached with."""

    name: str
    url: str
    username: str
    content: Content
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A policy, and the controllers that it describes: at least one. ``name`` is the policy's, and the value of its members' label."""

    name: str
    policy: PolicyContent
    members: tuple[Exported, ...]

    @property
    def shared(self) -> bool:
        """Whether several controllers have this policy."""
        return len(self.members) > 1


def groups_of(exported: Iterable[Exported]) -> tuple[PolicyGroup, ...]:
    """One group per distinct policy, in the order of their first members. A controller that no policy could describe is in no group."""
    members: dict[str, list[Exported]] = {}
    for controller in exported:
        if controller.content.policy is not None:
            members.setdefault(_identity(controller.content.policy), []).append(controller)
    return tuple(_group(tuple(same)) for same in members.values())


def _identity(policy: PolicyContent) -> str:
    """Equal for policies that can be one. Gaps count too: whoever fills one in fills it in for the whole group."""
    return json.dumps([policy.spec, policy.gaps], sort_keys=True)


def _group(members: tuple[Exported, ...]) -> PolicyGroup:
    policy = members[0].content.policy
    assert policy is not None
    return PolicyGroup(members[0].name if len(members) == 1 else _shared_name(members), policy, members)


def _shared_name(members: tuple[Exported, ...]) -> str:
    """Depends on the members alone: it stays when their settings change, and an export of other controllers never replaces this policy.

    ``names_for`` never puts two hyphens in a row, so the name cannot be that of a controller."""
    urls = "\n".join(sorted(member.url for member in members))
    return f"shared--{hashlib.sha256(urls.encode()).hexdigest()[:12]}"


LABEL = "jenkins2fa.dev/policy"  # on each exported instance: its policy, whose selector thus matches these instances alone
FIRST = "00-"  # `kubectl apply -f FOLDER` sorts by file name: a shared policy is there before the instances that need it
LONGEST_NAME = 52  # leaves room for a suffix within the 63 characters of a label's value


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines as blocks."""


def _string(dumper: yaml.SafeDumper, string: str) -> yaml.ScalarNode:
    block = "\n" in string and not re.search(r"[ \t]+$|[^\x20-\x7e\n\u00a1-\ud7ff]", string, re.MULTILINE)
    return dumper.represent_scalar("tag:yaml.org,2002:str", string, style="|" if block else None)


_Dumper.add_representer(str, _string)


def names_for(urls: Iterable[str]) -> dict[str, str]:
    """A name for each URL: its host and path as a DNS label, unique."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for url in urls:
        base = re.sub(r"[^a-z0-9]+", "-", url.partition("://")[2].lower()).strip("-")[:LONGEST_NAME].strip("-") or "jenkins"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name)
        names[url] = name
    return names


def files_of(exported: Iterable[Exported], groups: Iterable[PolicyGroup], namespace: str | None) -> dict[str, str]:
    """File name to content: one file per shared policy, then one per controller. Each content begins with ``---``."""
    where = {"namespace": namespace} if namespace else {}
    policies = {group.name: _policy(group, where) for group in groups}
    selecting = {controller.name: group.name for group in groups for controller in group.members}
    shared = {f"{FIRST}{group.name}.yaml": policies[group.name] for group in groups if group.shared}
    own = {
        f"{controller.name}.yaml": policies.get(controller.name, "") + _controller(controller, selecting.get(controller.name), where)
        for controller in exported
    }
    return shared | own


def _controller(controller: Exported, policy: str | None, where: Mapping[str, str]) -> str:
    """The instance, a template of its Secret, and the certificate authority."""
    documents = [_instance(controller, policy, where), _secret(controller, where)]
    if controller.authority is not None:
        metadata = {"name": f"{controller.name}-ca", **where}
        documents.append(
            _document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": controller.authority}})
        )
    return "".join(documents)


def _policy(group: PolicyGroup, where: Mapping[str, str]) -> str:
    comments = [*_inexpressible(group.policy.gaps), *group.policy.hints]
    if group.shared:
        comments.insert(
            0, f"For {len(group.members)} controllers with the same settings: those whose instance has the label {LABEL}: {group.name}"
        )
    spec = {"instanceSelector": {"matchLabels": {LABEL: group.name}}, **group.policy.spec}
    body = {"apiVersion": API_VERSION, "kind": "TwoFactorPolicy", "metadata": {"name": group.name, **where}, "spec": spec}
    return _document(body, comments)


def _inexpressible(gaps: Iterable[str]) -> Iterable[str]:
    return (f"Cannot be expressed: {gap}" for gap in gaps)


def commented(lines: Iterable[str]) -> str:
    """Lines as comments. A line break inside one, which may come from Jenkins, cannot end the comment."""
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _instance(controller: Exported, policy: str | None, where: Mapping[str, str]) -> str:
    comments = [controller.url, *_inexpressible(controller.content.gaps), *controller.content.hints]
    spec: dict[str, Any] = {"url": controller.url, "credentialsRef": {"name": controller.name}}
    if controller.authority is not None:
        spec["caRef"] = {"kind": "ConfigMap", "name": f"{controller.name}-ca", "key": "ca.crt"}
    if controller.content.gate is None:
        comments.append("gate.mode None: there is no gate, only the plugin. Managed lets the operator install it.")
    spec["gate"] = controller.content.gate or {"mode": GateMode.NONE.value}
    if controller.content.owner is not None:
        comments = [
            *comments,
            f"Managed by {controller.content.owner} (cluster and instance). Remove it there, or take over by this annotation:",
            f"  annotations: {{{TAKE_OVER}: {controller.content.owner}}}",
        ]
    metadata: dict[str, Any] = {"name": controller.name, **where}
    if policy is not None:
        metadata["labels"] = {LABEL: policy}
    return _document({"apiVersion": API_VERSION, "kind": "JenkinsInstance", "metadata": metadata, "spec": spec}, comments)


def _secret(controller: Exported, where: Mapping[str, str]) -> str:
    data = {"host": narrowest_consent(controller.url), "username": controller.username, "token": ""}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": controller.name, **where}, "type": "Opaque", "stringData": data}
    return _document(body, ["Put the account's API token here, by your own way of keeping secrets, and keep it out of Git."])


def _document(body: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    text: str = yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
    return f"---\n{commented(comments)}{text}"
