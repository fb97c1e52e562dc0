"""A policy's roll-out: how far it has come by the statuses of its instances, and whether it has reached one of them.

The policy's status keeps the progress, so that it outlives the operator. Only the policy's pass moves it on.
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

HELD_BACK = Mode.GRACE.value  # how the message of a report begins whose reason is grace
AFTER_ADMISSION = 1.0  # seconds
# Not ready yet, or waiting for people to enrol; neither is a failure that ought to stop a roll-out.
PENDING = (Reason.PROGRESSING, Reason.STARTING, Reason.RELEASING, Reason.WAITING_FOR_ROLLOUT, Reason.ENROLMENT_TOO_LOW)


def next_progress(context: Context, policy: TwoFactorPolicy, body: Body, members: Sequence[PolicyMember]) -> Progress | None:
    """How far the roll-out may go now. ``body``: the live policy; a suspended one stays where it is."""
    before = progress_of(body)
    if policy.spec.suspend:
        return before if policy.spec.rollout.batch_size is not None else None
    staged = in_grace(policy.spec, context.now())
    standings = [_standing(member.key, member.ready, staged) for member in members if member.governed]
    return advance(policy.spec.rollout, policy.meta.generation, before, standings, context.now())


def progress_of(body: Body) -> Progress | None:
    """What a policy's status says of its roll-out."""
    held = rollout_status(body)
    return Progress(**{**asdict(held), "state": RolloutState(held.state)}) if held else None


def admitted(context: Context, policy: TwoFactorPolicy, key: Key) -> bool:
    """Whether the policy's roll-out has reached an instance that it governs."""
    rollout = policy.spec.rollout
    if rollout.batch_size is None:
        return True
    progress = progress_of(context.cache.body(Kind.POLICY, policy.meta.key) or {})
    unsettled = progress is not None and progress.generation == policy.meta.generation and progress.state is not RolloutState.COMPLETE
    governed = _governed(context, policy) if unsettled else ()
    return is_admitted(rollout, policy.meta.generation, progress, key, governed)


def call_admitted(context: Context, policy: TwoFactorPolicy, progress: Progress | None, members: Sequence[PolicyMember]) -> None:
    """Passes for the instances that wait although the roll-out has reached them."""
    governed = [member.key for member in members if member.governed]
    waiting = [member.key for member in members if member.ready is not None and member.ready.reason == Reason.WAITING_FOR_ROLLOUT]
    for key in waiting:
        if is_admitted(policy.spec.rollout, policy.meta.generation, progress, key, governed):
            context.queue.add(WorkKey(Kind.INSTANCE, key), Urgency.CHANGE)


def until_next(context: Context, policy: TwoFactorPolicy, body: Body, progress: Progress | None) -> float | None:
    """Seconds until the roll-out may go on by itself: when the next batch is due, or (``body``: the policy before this reconcile) soon
    after one was admitted, since who is ready already tells no more of it. None = only what instances tell moves it on."""
    before = progress_of(body)
    if progress is not None and progress.admitted > (before.admitted if before and before.generation == progress.generation else 0):
        return AFTER_ADMISSION
    if progress is None or progress.state is not RolloutState.PAUSING or progress.batch_ready is None or policy.spec.suspend:
        return None
    over = progress.batch_ready + policy.spec.rollout.pause_between + timedelta(seconds=0.1)
    return max(0.1, (over - context.now()).total_seconds())


def _governed(context: Context, policy: TwoFactorPolicy) -> list[Key]:
    found = []
    for key in context.mapping.members_of(policy):
        instance = context.cache.instance(key)
        winner = context.resolve(instance).winner if instance else None
        if winner is not None and winner.meta.key == policy.meta.key:
            found.append(key)
    return found


def _standing(key: Key, ready: Condition | None, staged: bool) -> Standing:
    """``ready`` is about this generation of the policy, or None. A report during the grace period is no roll-out, nor is
    one that is left of it until the next reconcile: else all would be done at the moment when the grace period ends."""
    if (
        ready is None
        or ready.reason == Reason.WAITING_FOR_ROLLOUT
        or (ready.reason == Reason.REPORTED and (staged or ready.message.startswith(HELD_BACK)))
    ):
        return Standing(key, reached=False, ready=False, failed=False, seen=ready is not None)
    return Standing(key, True, ready.status == TRUE, ready.status == FALSE and ready.reason not in PENDING)
