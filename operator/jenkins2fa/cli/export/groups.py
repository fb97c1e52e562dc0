"""Jenkinses that one policy describes. Pure: the same Jenkinses give the same groups and names, in whatever order they were read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from jenkins2fa.cli.export.content import Content, PolicyContent


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
    """A policy, and the Jenkinses that it describes: at least one. ``name`` is the policy's, and the value of its members' label."""

    name: str
    policy: PolicyContent
    members: tuple[Exported, ...]

    @property
    def shared(self) -> bool:
        """Whether several Jenkinses have this policy."""
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
    """By the members alone: other settings of the same Jenkinses keep the name, and no export of other ones can replace this policy.

    Two hyphens in a row are in no name of a Jenkins (``names_for``), so this is the name of nothing else."""
    urls = "\n".join(sorted(one.url for one in members))
    return f"shared--{hashlib.sha256(urls.encode()).hexdigest()[:12]}"
