"""Who manages a controller: the instance that its owner record names. And how a controller is released once its policy is gone.

The owner record is written through one connection and read through another. What Jenkins reports about its own identity proves nothing: it
could name another controller's identity, and so take that one's place. Releasing weakens protection, so in any doubt nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator

from jenkins2fa.api.instance import Access, GateMode, JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Key, Metadata, read_metadata
from jenkins2fa.api.policy import CLUSTER_PLURAL, PLURAL, DeletionPolicy
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


def holder_of(context: Context, instance: JenkinsInstance, observation: Observation) -> Metadata | None:
    """Another instance of this cluster that the owner record names, while it exists and no annotation orders to take over from it."""
    record = _others_record(context, instance, observation)
    if record is None or instance.meta.annotations.get(TAKE_OVER) == record.name:
        return None
    holders = (read_metadata(body) for body in context.cache.bodies(Kind.INSTANCE) if body["metadata"].get("uid") == record.instance)
    return next(holders, None)


def may_take_over(context: Context, instance: JenkinsInstance, observation: Observation) -> str | None:
    """The name of the owner in the record, if it is an instance of this cluster that is gone; None = someone has to decide.

    Only an operator that serves the whole cluster can know that it is gone."""
    record = _others_record(context, instance, observation)
    if record is None or context.options.namespaces or not context.cache.synced:
        return None
    known = {body["metadata"].get("uid") for body in context.cache.bodies(Kind.INSTANCE)}
    return None if record.instance in known else record.name


def _others_record(context: Context, instance: JenkinsInstance, observation: Observation) -> Owner | None:
    """The owner record, if it names another instance of this cluster."""
    record = observation.owner
    return record if record and record.cluster == context.cluster() and record.instance != instance.meta.uid else None


def without_policy(context: Context, subject: Subject, driver: Driver, observation: Observation) -> Outcome:
    """The outcome for an instance without a policy: a mere observation, or its release after its policy was deleted."""
    instance, memory = subject.instance, subject.memory
    if close_break_glass(context, subject, driver, observation):
        observation = driver.observe()
    deletion = _release_due(context, instance, governing_policy(subject.body), observation)
    if deletion is None or observation.owner is None:
        memory.gone_policy = None
        return Outcome(instance, None, observation)
    if memory.gone_policy is None or memory.gone_policy[0] != observation.owner.policy:
        memory.gone_policy = (observation.owner.policy, context.clock())
    grace = context.options.release_grace.total_seconds()
    if context.clock() - memory.gone_policy[1] < grace or not context.leading():
        message = (
            f"the policy of this controller was deleted: its deletionPolicy {deletion} is carried out {grace:g} s after that was noticed"
        )
        return Outcome(instance, None, observation, failure=Failure(RELEASING, message, transient=True))
    waiting = _missing_approval(context, instance, observation, deletion)
    if waiting is not None:
        return Outcome(instance, None, observation, failure=waiting)
    driver.release(deletion)
    if observation.protected:
        context.metrics.weakened("deletionPolicy")
    note = f"the policy was deleted, and its deletionPolicy {deletion} is carried out"
    announce(context, subject, Announcement("Released", note, action="Release"))
    memory.gone_policy, memory.proof = None, None
    return Outcome(instance, None, observation)


def _missing_approval(context: Context, instance: JenkinsInstance, observation: Observation, deletion: DeletionPolicy) -> Failure | None:
    """Why a release that weakens protection waits for an approval, and how to give it; None = it needs none, or has it.

    Restore counts as weakening too: only Jenkins knows the former settings, and the gate is removed in any case."""
    if not context.options.require_approval or not observation.protected or observation.owner is None:
        return None
    approval = release_approval(instance, observation, observation.owner, deletion)
    if is_approved(instance.meta, approval):
        return None
    key = instance.meta.key
    message = (
        f"the policy of this controller was deleted, and its deletionPolicy {deletion} weakens the protection: nothing is changed until a "
        "policy selects it again, or someone who may do so approves it: "
        f"{how_to_approve(approval, f'jenkinsinstance {key.name} -n {key.namespace}')}"
    )
    return Failure(Reason.APPROVAL_REQUIRED, message, transient=False)


def _release_due(
    context: Context, instance: JenkinsInstance, reported: PolicyReference | None, observation: Observation
) -> DeletionPolicy | None:
    """Restore or Disable, if the deleted policy of an instance asked for it; None = there is nothing to do.

    ``reported``: the policy that the instance's status names."""
    owner, deletion = observation.owner, observation.deletion
    if owner is None or deletion not in (DeletionPolicy.RESTORE, DeletionPolicy.DISABLE) or not context.cache.synced:
        return None
    if (owner.cluster, owner.instance) != (context.cluster(), instance.meta.uid) or not owner.policy:
        return None
    if instance.spec.access is not Access.MANAGE or instance.spec.gate.mode is GateMode.PROVIDED or instance.meta.deleting:
        return None
    return DeletionPolicy(deletion) if _is_gone(context, instance, reported, owner.policy) else None


def _is_gone(context: Context, instance: JenkinsInstance, reported: PolicyReference | None, uid: str) -> bool:
    """Whether the policy with this UID was certainly deleted, and not because its namespace or the CRDs are being removed."""
    if any(policy.meta.uid == uid for policy in context.cache.policies()):
        return False  # it exists, and only does not select the instance any more
    known = reported if reported is not None and reported.uid == uid else None
    namespaces = {instance.meta.namespace, *([known.namespace] if known and known.namespace else [])}
    try:
        if not context.kubernetes.served() or any(_is_terminating(context, namespace) for namespace in namespaces):
            return False
        if known is not None:
            return not _exists(context, Key(known.namespace, known.name), uid)
        return all(read_metadata(body).uid != uid for body in _possible_policies(context, instance.meta.namespace))
    except KubernetesError:
        return False


def _possible_policies(context: Context, namespace: str) -> Iterator[Body]:
    """Every policy that could govern an instance of a namespace. Raises Forbidden where cluster policies may not be read."""
    yield from context.kubernetes.list(PLURAL, namespace)
    yield from context.kubernetes.list(CLUSTER_PLURAL, None)


def _exists(context: Context, key: Key, uid: str) -> bool:
    """Whether the policy exists with this UID. Another one of the same name does not count."""
    try:
        return bool(context.kubernetes.get(plural_of(Kind.POLICY, key), key)["metadata"]["uid"] == uid)
    except NotFound:
        return False


def _is_terminating(context: Context, namespace: str) -> bool:
    try:
        return bool(context.kubernetes.namespace(namespace)["metadata"].get("deletionTimestamp"))
    except NotFound:
        return True
