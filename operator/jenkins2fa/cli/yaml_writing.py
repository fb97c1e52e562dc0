"""The YAML that ``jenkins2fa export`` writes: objects with comments above them, in files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from jenkins2fa.api.consent import place_of
from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.meta import API_VERSION, TAKE_OVER

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyContent:
    """A policy without its selector. ``gaps``: where the spec could not say what is there. ``hints``: what to know about this spec."""

    spec: Spec
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """``policy`` None = nothing that a policy could describe. ``gaps``: what else cannot be expressed, or makes a plan differ.

    ``hints``: what to know of this Jenkins. ``owner``: who manages it already."""

    policy: PolicyContent | None
    gate: Spec | None
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """One Jenkins that was read. ``authority``: PEM of the certificate authority it was reached with."""

    name: str
    url: str
    username: str
    content: Content
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A policy, and the controllers that it describes: at least one. ``name`` is the policy's, and the value of its members' label."""

    name: str
    policy: PolicyContent
    members: tuple[Exported, ...]

    @property
    def shared(self) -> bool:
        """Whether several controllers have this policy."""
        return len(self.members) > 1


def groups_of(found: Iterable[Exported]) -> tuple[Group, ...]:
    """One group for each different policy, in the order of first members. A Jenkins that no policy could describe is in none."""
    members: dict[str, list[Exported]] = {}
    for one in found:
        if one.content.policy is not None:
            members.setdefault(_likeness(one.content.policy), []).append(one)
    return tuple(_group(tuple(alike)) for alike in members.values())


def _likeness(policy: PolicyContent) -> str:
    """Equal for policies that may be one. What a spec could not say counts too: who puts it right does so for all of the group."""
    return json.dumps([policy.spec, policy.gaps], sort_keys=True)


def _group(members: tuple[Exported, ...]) -> Group:
    policy = members[0].content.policy
    assert policy is not None
    return Group(members[0].name if len(members) == 1 else _shared_name(members), policy, members)


def _shared_name(members: tuple[Exported, ...]) -> str:
    """By the members alone: other settings of the same controllers keep the name, and no export of other ones can replace this policy.

    Two hyphens in a row are in no name of a controller (``names_for``), so this is the name of nothing else."""
    urls = "\n".join(sorted(one.url for one in members))
    return f"shared--{hashlib.sha256(urls.encode()).hexdigest()[:12]}"


LABEL = "jenkins2fa.dev/policy"  # on each exported instance: the policy that selects it, so that it selects these instances alone
FIRST = "00-"  # `kubectl apply -f FOLDER` goes by the names of files: a policy that several need is there before they ask for it
LONGEST_NAME = 52  # leaves room for a suffix within the 63 characters of a label's value


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    block = "\n" in text and not re.search(r"[ \t]+$|[^\x20-\x7e\n\u00a1-\ud7ff]", text, re.MULTILINE)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _text)


def names_for(urls: Iterable[str]) -> dict[str, str]:
    """A name for each URL: its host and path as a DNS label, unique."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for url in urls:
        words = re.sub(r"[^a-z0-9]+", "-", url.partition("://")[2].lower()).strip("-")[:LONGEST_NAME].strip("-") or "jenkins"
        name, number = words, 2
        while name in taken:
            name, number = f"{words}-{number}", number + 1
        taken.add(name)
        names[url] = name
    return names


def files_of(found: Iterable[Exported], groups: Iterable[Group], namespace: str | None) -> dict[str, str]:
    """File name to text: one file per policy that several controllers share, then one per controller. Texts begin with ``---``."""
    where = {"namespace": namespace} if namespace else {}
    policies = {group.name: _policy(group, where) for group in groups}
    selecting = {one.name: group.name for group in groups for one in group.members}
    shared = {f"{FIRST}{group.name}.yaml": policies[group.name] for group in groups if group.shared}
    own = {f"{one.name}.yaml": policies.get(one.name, "") + _jenkins(one, selecting.get(one.name), where) for one in found}
    return shared | own


def _jenkins(one: Exported, policy: str | None, where: Mapping[str, str]) -> str:
    """Instance and the Secret's template, and the certificate authority."""
    documents = [_instance(one, policy, where), _secret(one, where)]
    if one.authority is not None:
        metadata = {"name": f"{one.name}-ca", **where}
        documents.append(_document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": one.authority}}))
    return "".join(documents)


def _policy(group: Group, where: Mapping[str, str]) -> str:
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
    """Lines as comments; a line break within one (it may come from Jenkins) cannot end the comment."""
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _instance(one: Exported, policy: str | None, where: Mapping[str, str]) -> str:
    comments = [one.url, *_inexpressible(one.content.gaps), *one.content.hints]
    spec: dict[str, Any] = {"url": one.url, "credentialsRef": {"name": one.name}}
    if one.authority is not None:
        spec["caRef"] = {"kind": "ConfigMap", "name": f"{one.name}-ca", "key": "ca.crt"}
    if one.content.gate is None:
        comments.append("gate.mode None: there is no gate, only the plugin. Managed lets the operator install it.")
    spec["gate"] = one.content.gate or {"mode": GateMode.NONE.value}
    if one.content.owner is not None:
        comments = [
            *comments,
            f"Managed by {one.content.owner} (cluster and instance). Remove it there, or take over by this annotation:",
            f"  annotations: {{{TAKE_OVER}: {one.content.owner}}}",
        ]
    metadata: dict[str, Any] = {"name": one.name, **where}
    if policy is not None:
        metadata["labels"] = {LABEL: policy}
    return _document({"apiVersion": API_VERSION, "kind": "JenkinsInstance", "metadata": metadata, "spec": spec}, comments)


def _secret(one: Exported, where: Mapping[str, str]) -> str:
    data = {"host": place_of(one.url), "username": one.username, "token": ""}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": one.name, **where}, "type": "Opaque", "stringData": data}
    return _document(body, ["Put the account's API token here, by your own way of keeping secrets, and keep it out of Git."])


def _document(body: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    text: str = yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
    return f"---\n{commented(comments)}{text}"
