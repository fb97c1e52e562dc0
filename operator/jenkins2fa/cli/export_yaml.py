"""The YAML that ``jenkins2fa export`` writes: objects with comments above them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from jenkins2fa.api.meta import API_VERSION, TAKE_OVER
from jenkins2fa.api.rules import host_and_port
from jenkins2fa.cli.export_content import Content

LABEL = "jenkins2fa.dev/jenkins"  # on each exported instance, so that its policy selects it alone
LONGEST_NAME = 52  # leaves room for a suffix within the 63 characters of a label's value


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    block = "\n" in text and not re.search(r"[ \t]+$|[^\x20-\x7e\n\u00a1-\ud7ff]", text, re.MULTILINE)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class Exported:
    """One Jenkins that was read. ``authority``: PEM of the certificate authority it was reached with."""

    name: str
    url: str
    username: str
    content: Content
    authority: str | None = None


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


def as_yaml(one: Exported, namespace: str | None) -> str:
    """Policy, instance and the Secret's template of one Jenkins, as documents that begin with ``---``."""
    where = {"namespace": namespace} if namespace else {}
    comments = [one.url, *(f"Cannot be expressed: {gap}" for gap in one.content.gaps), *one.content.hints]
    documents = [_instance(one, where, comments), _secret(one, where)]
    if one.authority is not None:
        documents.append(
            _document(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": f"{one.name}-ca", **where},
                    "data": {"ca.crt": one.authority},
                }
            )
        )
    if one.content.policy is not None:
        spec = {"instanceSelector": {"matchLabels": {LABEL: one.name}}, **one.content.policy}
        documents.insert(
            0, _document({"apiVersion": API_VERSION, "kind": "TwoFactorPolicy", "metadata": {"name": one.name, **where}, "spec": spec})
        )
    return "".join(documents)


def commented(lines: Iterable[str]) -> str:
    """Lines as comments; a line break within one (a text from a Jenkins) cannot end the comment."""
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _instance(one: Exported, where: Mapping[str, str], comments: list[str]) -> str:
    spec: dict[str, Any] = {"url": one.url, "credentialsRef": {"name": one.name}}
    if one.authority is not None:
        spec["caRef"] = {"kind": "ConfigMap", "name": f"{one.name}-ca", "key": "ca.crt"}
    if one.content.gate is not None:
        spec["gate"] = one.content.gate
    if one.content.owner is not None:
        comments = [
            *comments,
            f"Managed by {one.content.owner} (cluster and instance). Remove it there, or take over by this annotation:",
            f"  annotations: {{{TAKE_OVER}: {one.content.owner}}}",
        ]
    metadata = {"name": one.name, **where, "labels": {LABEL: one.name}}
    return _document({"apiVersion": API_VERSION, "kind": "JenkinsInstance", "metadata": metadata, "spec": spec}, comments)


def _secret(one: Exported, where: Mapping[str, str]) -> str:
    data = {"host": host_and_port(one.url), "username": one.username, "token": ""}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": one.name, **where}, "type": "Opaque", "stringData": data}
    return _document(body, ["Put the account's API token in, by your own way of keeping secrets, and keep it out of Git."])


def _document(body: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    text: str = yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
    return f"---\n{commented(comments)}{text}"
