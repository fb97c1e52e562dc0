"""Who manages a Jenkins when several could."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key, Metadata, read_metadata
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.observation import Observation


def duplicate_of(context: Context, instance: JenkinsInstance, seen: Observation) -> Key | None:
    """Another instance that reaches the same Jenkins and is older (by creation, then UID): that one wins."""
    rivals = [meta for body in context.store.bodies(Kind.INSTANCE) if _identity(body) == seen.identity and (meta := read_metadata(body))]
    older = [meta for meta in rivals if meta.uid != instance.meta.uid and _age(meta) < _age(instance.meta)]
    return min(older, key=_age).key if older else None


def may_take_over(context: Context, instance: JenkinsInstance, seen: Observation) -> str | None:
    """The owner named in Jenkins, when it is an instance of this cluster that is gone, or younger than this one.

    Only an operator that sees the whole cluster can know that an instance is gone. None = no, a person has to decide."""
    mark = seen.owner
    if mark is None or mark.cluster != context.cluster() or mark.instance == instance.meta.uid or not context.store.synced:
        return None
    known = {meta.uid: meta for meta in map(read_metadata, context.store.bodies(Kind.INSTANCE))}
    if mark.instance not in known:
        return None if context.options.namespaces else mark.name
    return mark.name if _age(instance.meta) < _age(known[mark.instance]) else None


def _identity(body: Mapping[str, Any]) -> str | None:
    found: str | None = ((body.get("status") or {}).get("jenkins") or {}).get("identity")
    return found


def _age(meta: Metadata) -> tuple[float, str]:
    return meta.created.timestamp(), meta.uid
