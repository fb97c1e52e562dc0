"""A policy's rollout: its progress by the statuses of its instances, and whether it has reached an instance.

The policy's status keeps the progress, so that it survives a restart of the operator. Only the policy's reconcile advances it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.status import FALSE, TRUE, Condition, rollout_status
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.queue import Kind, Urgency, WorkKey
from jenkins2fa.core.mode import Mode, in_grace
from jenkins2fa.core.policy_status import PolicyMember
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.rollout import Progress, RolloutState, Standing, advance, is_admitted

GRACE_MESSAGE = Mode.GRACE.value  # how the message of Ready begins when the grace period is why changes are only reported
AFTER_ADMISSION = 1.0  # seconds
# Not ready yet, or waiting for people to enrol; neither is a failure that should stop a rollout.
PENDING = (Reason.PROGRESSING, Reason.STARTING, Reason.RELEASING, Reason.WAITING_FOR_ROLLOUT, Reason.ENROLMENT_TOO_LOW)


def next_progress(context: Context, policy: TwoFactorPolicy, body: Body, members: Sequence[PolicyMember]) -> Progress | None:
    """How far the rollout may go now. ``body``: the policy as it was just read. A suspended policy stays where it is."""
    before = progress_of(body)
    if policy.spec.suspend:
        return before if policy.spec.rollout.batch_size is not None else None
    staged = in_grace(policy.spec, context.now())
    standings = [_standing(member.key, member.ready, staged) for member in members if member.governed]
    return advance(policy.spec.rollout, policy.meta.generation, before, standings, context.now())


def progress_of(body: Body) -> Progress | None:
    """The progress that a policy's status reports."""
    status = rollout_status(body)
    return Progress(**{**asdict(status), "state": RolloutState(status.state)}) if status else None


def admitted(context: Context, policy: TwoFactorPolicy, key: Key) -> bool:
    """Whether the policy's rollout has reached an instance that it governs."""
    rollout = policy.spec.rollout
    if rollout.batch_size is None:
        return True
    progress = progress_of(context.cache.body(Kind.POLICY, policy.meta.key) or {})
    unsettled = progress is not None and progress.generation == policy.meta.generation and progress.state is not RolloutState.COMPLETE
    governed = _governed(context, policy) if unsettled else ()
    return is_admitted(rollout, policy.meta.generation, progress, key, governed)


def enqueue_admitted(context: Context, policy: TwoFactorPolicy, progress: Progress | None, members: Sequence[PolicyMember]) -> None:
    """Ask for reconciles of the instances that still report that they wait although the rollout has reached them."""
    governed = [member.key for member in members if member.governed]
    waiting = [member.key for member in members if member.ready is not None and member.ready.reason == Reason.WAITING_FOR_ROLLOUT]
    for key in waiting:
        if is_admitted(policy.spec.rollout, policy.meta.generation, progress, key, governed):
            context.queue.add(WorkKey(Kind.INSTANCE, key), Urgency.CHANGE)


def until_next(context: Context, policy: TwoFactorPolicy, body: Body, progress: Progress | None) -> float | None:
    """Seconds until the rollout may advance by itself; None = only a report of an instance advances it.

    It does so when the next batch is due, and soon after one was admitted: an instance that is ready already reports nothing more.
    ``body``: the policy before this reconcile."""
    before = progress_of(body)
    if progress is not None and progress.admitted > (before.admitted if before and before.generation == progress.generation else 0):
        return AFTER_ADMISSION
    if progress is None or progress.state is not RolloutState.PAUSING or progress.batch_ready is None or policy.spec.suspend:
        return None
    end = progress.batch_ready + policy.spec.rollout.pause_between + timedelta(seconds=0.1)
    return max(0.1, (end - context.now()).total_seconds())


def _governed(context: Context, policy: TwoFactorPolicy) -> list[Key]:
    governed = []
    for key in context.mapping.members_of(policy):
        instance = context.cache.instance(key)
        winner = context.resolve(instance).winner if instance else None
        if winner is not None and winner.meta.key == policy.meta.key:
            governed.append(key)
    return governed


def _standing(key: Key, ready: Condition | None, staged: bool) -> Standing:
    """Where an instance stands. ``ready``: its condition about this generation of the policy, or None.

    During the grace period changes are only reported, which is no rollout. Such a report remains until the next reconcile after the grace
    period; if it counted, the rollout would be complete at the moment when the grace period ends."""
    reported = ready is not None and ready.reason == Reason.REPORTED and (staged or ready.message.startswith(GRACE_MESSAGE))
    if ready is None or reported or ready.reason == Reason.WAITING_FOR_ROLLOUT:
        return Standing(key, reached=False, ready=False, failed=False, reported=ready is not None)
    return Standing(key, True, ready.status == TRUE, ready.status == FALSE and ready.reason not in PENDING)
