"""Who manages a Jenkins when several could: whoever holds the owner record, written through one connection and read through another.

What a Jenkins says of itself proves nothing: it could name another one's identity, and so take the other's place."""

from __future__ import annotations

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Metadata, read_metadata
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.observation import Observation, Owner


def holder_of(context: Context, instance: JenkinsInstance, seen: Observation) -> Metadata | None:
    """Another instance of this cluster that the owner record names, as long as it is there and nobody has ordered to take over from it."""
    record = _others_record(context, instance, seen)
    if record is None or instance.meta.annotations.get(TAKE_OVER) == record.name:
        return None
    found = (read_metadata(body) for body in context.cache.bodies(Kind.INSTANCE) if body["metadata"].get("uid") == record.instance)
    return next(found, None)


def may_take_over(context: Context, instance: JenkinsInstance, seen: Observation) -> str | None:
    """The owner named in Jenkins, when it is an instance of this cluster that is gone.

    Only an operator that sees the whole cluster can know that. None = no, a person has to decide."""
    record = _others_record(context, instance, seen)
    if record is None or context.options.namespaces or not context.cache.synced:
        return None
    known = {body["metadata"].get("uid") for body in context.cache.bodies(Kind.INSTANCE)}
    return None if record.instance in known else record.name


def _others_record(context: Context, instance: JenkinsInstance, seen: Observation) -> Owner | None:
    """The owner record where it names another instance of this cluster."""
    record = seen.owner
    return record if record and record.cluster == context.cluster() and record.instance != instance.meta.uid else None
