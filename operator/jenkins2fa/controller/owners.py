"""Who manages a Jenkins when several could."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key, Metadata, read_metadata
from jenkins2fa.api.status import ENFORCED, FALSE, READY, UNKNOWN, condition_of
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.observation import Observation


def duplicate_of(context: Context, instance: JenkinsInstance, seen: Observation) -> Key | None:
    """Another instance that manages the same run of Jenkins and is older (by creation, then UID): that one wins."""
    others = [body for body in context.store.reaching(seen.identity) if body["metadata"].get("uid") != instance.meta.uid]
    rivals = [read_metadata(body) for body in others if _manages(body, seen)]
    older = [meta for meta in rivals if _age(meta) < _age(instance.meta)]
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


def _manages(body: Mapping[str, Any], seen: Observation) -> bool:
    """Whether an instance's status says that it reaches this run of Jenkins now. What it said of an earlier spec, or before it lost its
    Jenkins, is of no account."""
    status = body.get("status") or {}
    if (status.get("jenkins") or {}).get("session") != seen.session:
        return False
    if (body.get("spec") or {}).get("access", Access.MANAGE) != Access.MANAGE:
        return False
    return status.get("observedGeneration") == read_metadata(body).generation and not _is_out_of_reach(body)


def _is_out_of_reach(body: Mapping[str, Any]) -> bool:
    """Where nothing could be observed, Enforced is Unknown for the very reason that Ready is False."""
    ready, enforced = condition_of(body, READY), condition_of(body, ENFORCED)
    if ready is None or enforced is None:
        return True
    return (ready.status, enforced.status) == (FALSE, UNKNOWN) and ready.reason == enforced.reason


def _age(meta: Metadata) -> tuple[float, str]:
    return meta.created.timestamp(), meta.uid
