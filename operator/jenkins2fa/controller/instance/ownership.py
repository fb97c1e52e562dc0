"""Who manages a controller: whoever holds the owner record. And how a controller is released once its policy is gone.

The owner record is written through one connection and read through another. What Jenkins reports about its own identity proves nothing: it
could name another controller's identity, and so take that one's place. Releasing weakens protection, so in any doubt nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator

from jenkins2fa.api import policy
from jenkins2fa.api.instance import Access, GateMode, JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Key, Metadata, read_metadata
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.api.status import PolicyReference, governing_policy
from jenkins2fa.controller.context import Context, plural_of
from jenkins2fa.controller.instance.break_glass import close_break_glass
from jenkins2fa.controller.instance.status import RELEASING, announce
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.controller.queue import Kind
from jenkins2fa.core.approval import how_to_approve, is_approved, release_approval
from jenkins2fa.core.assess import Failure, Outcome
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.kube.client import Body, KubernetesError, NotFound
from jenkins2fa.kube.events import Announcement


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


def without_policy(context: Context, subject: Subject, driver: Driver, seen: Observation) -> Outcome:
    """No policy selects the instance: only its reachability is told, unless its policy was deleted and asked for more."""
    instance, memory = subject.instance, subject.memory
    if close_break_glass(context, subject, driver, seen):
        seen = driver.observe()
    deletion = _wanted_release(context, instance, governing_policy(subject.body), seen)
    if deletion is None or seen.owner is None:
        memory.gone_policy = None
        return Outcome(instance, None, seen)
    if memory.gone_policy is None or memory.gone_policy[0] != seen.owner.policy:
        memory.gone_policy = (seen.owner.policy, context.clock())
    grace = context.options.release_grace.total_seconds()
    if context.clock() - memory.gone_policy[1] < grace or not context.leading():
        message = f"the policy of this Jenkins was deleted: its deletionPolicy {deletion} is carried out {grace:g} s after that was noticed"
        return Outcome(instance, None, seen, failure=Failure(RELEASING, message, transient=True))
    waiting = _missing_approval(context, instance, seen, deletion)
    if waiting is not None:
        return Outcome(instance, None, seen, failure=waiting)
    driver.release(deletion)
    if seen.protected:
        context.metrics.weakened("deletionPolicy")
    note = f"the policy was deleted, and its deletionPolicy {deletion} is carried out"
    announce(context, subject, Announcement("Released", note, action="Release"))
    memory.gone_policy, memory.proof = None, None
    return Outcome(instance, None, seen)


def _missing_approval(context: Context, instance: JenkinsInstance, seen: Observation, deletion: DeletionPolicy) -> Failure | None:
    """Where what weakens needs an approval: what waits, and how to approve it. Restore counts too: what was before us is known to
    Jenkins alone, and our gate goes in any case."""
    if not context.options.require_approval or not seen.protected or seen.owner is None:
        return None
    approval = release_approval(instance, seen, seen.owner, deletion)
    if is_approved(instance.meta, approval):
        return None
    key = instance.meta.key
    message = (
        f"the policy of this Jenkins was deleted, and its deletionPolicy {deletion} weakens the protection: Jenkins stays as it is until a "
        "policy selects it again, or somebody who may approve does: "
        f"{how_to_approve(approval, f'jenkinsinstance {key.name} -n {key.namespace}')}"
    )
    return Failure(Reason.APPROVAL_REQUIRED, message, transient=False)


def _wanted_release(context: Context, instance: JenkinsInstance, named: PolicyReference | None, seen: Observation) -> DeletionPolicy | None:
    """What the vanished policy of an instance asked for: Restore or Disable; None = nothing is to be done in this Jenkins.

    ``named`` is the policy that the status names, ``seen`` has the owner record."""
    mark, deletion = seen.owner, seen.deletion
    if mark is None or deletion not in (DeletionPolicy.RESTORE, DeletionPolicy.DISABLE) or not context.cache.synced:
        return None
    if (mark.cluster, mark.instance) != (context.cluster(), instance.meta.uid) or not mark.policy:
        return None
    if instance.spec.access is not Access.MANAGE or instance.spec.gate.mode is GateMode.PROVIDED or instance.meta.deleting:
        return None
    return DeletionPolicy(deletion) if _is_gone(context, instance, named, mark.policy) else None


def _is_gone(context: Context, instance: JenkinsInstance, named: PolicyReference | None, uid: str) -> bool:
    """Whether the policy with this UID is deleted for certain, in a namespace that stays, while its resource is served."""
    if any(found.meta.uid == uid for found in context.cache.policies()):
        return False  # it only selects the instance no more
    known = named if named is not None and named.uid == uid else None
    homes = {instance.meta.namespace, *([known.namespace] if known and known.namespace else [])}
    try:
        if not context.kubernetes.served() or any(_is_terminating(context, namespace) for namespace in homes):
            return False
        if known is not None:
            return _is_another(context, Key(known.namespace, known.name), uid)
        return all(read_metadata(body).uid != uid for body in _possible_policies(context, instance.meta.namespace))
    except KubernetesError:
        return False


def _possible_policies(context: Context, namespace: str) -> Iterator[Body]:
    """Every policy that an instance of a namespace could have had. Raises Forbidden where cluster policies may not be read."""
    yield from context.kubernetes.list(policy.PLURAL, namespace)
    yield from context.kubernetes.list(policy.CLUSTER_PLURAL, None)


def _is_another(context: Context, key: Key, uid: str) -> bool:
    try:
        return bool(context.kubernetes.get(plural_of(Kind.POLICY, key), key)["metadata"]["uid"] != uid)
    except NotFound:
        return True


def _is_terminating(context: Context, namespace: str) -> bool:
    try:
        return bool(context.kubernetes.namespace(namespace)["metadata"].get("deletionTimestamp"))
    except NotFound:
        return True
