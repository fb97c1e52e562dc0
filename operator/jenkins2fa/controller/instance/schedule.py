"""When an instance is reconciled again."""

from __future__ import annotations

import math

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.status import RELEASING
from jenkins2fa.controller.instance.subject import PROBE_SECONDS, Memory
from jenkins2fa.controller.queue import Requeue, Urgency
from jenkins2fa.core.assess import Outcome
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.reasons import Reason

STARTING_SECONDS = 1.0
STARTING_PATIENCE = 120.0  # a controller that takes longer is observed less and less often
LONGEST_STARTING = 30.0
ODD_ANSWER_SECONDS = 4.0  # each observation sends credentials that were just refused, so not too often
LONGEST_UNREACHABLE = 60.0
CANARY_STARTING_SECONDS = 5.0
COUNTING_SECONDS = 5.0  # each observation continues where the one before stopped
SPREAD = 0.1  # of checkInterval, so that the instances of a fleet are not all observed at the same moment


def spread_interval(instance: JenkinsInstance, random: float) -> float:
    """Seconds until the next observation of an instance if nothing happens. ``random``: 0 to 1."""
    return instance.spec.check_interval.total_seconds() * (1.0 + SPREAD * (2.0 * random - 1.0))


def next_reconcile(outcome: Outcome, memory: Memory, context: Context) -> Requeue:
    """After a transient failure, soon. Otherwise, even if something needs attention, after ``checkInterval`` ± 10 %."""
    if outcome.canaries is not None:
        return _after_canaries(outcome, context)
    failure = outcome.failure
    interval = spread_interval(outcome.instance, context.random())
    if failure is None or not failure.transient:
        return Requeue(after=min(interval, _until_break_glass_ends(outcome, context), _until_grace_ends(outcome, context)))
    if failure.reason == Reason.STARTING:
        if not memory.starting:
            return Requeue(after=ODD_ANSWER_SECONDS, urgency=Urgency.DRIFT)
        return Requeue(after=_while_starting(memory, context.clock()), urgency=Urgency.DRIFT, host_failed=True)
    if failure.reason == RELEASING and memory.gone_policy is not None:
        left = memory.gone_policy[1] + context.options.release_grace.total_seconds() - context.clock()
        return Requeue(after=min(interval, max(0.2, left)), urgency=Urgency.DRIFT)
    if failure.reason == Reason.COUNTING_USERS:
        return Requeue(after=COUNTING_SECONDS, urgency=Urgency.DRIFT)
    if failure.reason == Reason.UNREACHABLE:
        return Requeue(back_off=True, cap=LONGEST_UNREACHABLE, urgency=Urgency.CLOCK, host_failed=True)
    return Requeue(back_off=True, urgency=Urgency.DRIFT)


def _after_canaries(outcome: Outcome, context: Context) -> Requeue:
    """Canaries are the only observation, so they are sent every ``checkInterval``; after a 401 less often, to not lock their accounts."""
    interval, failure = spread_interval(outcome.instance, context.random()), outcome.failure
    if failure is None:
        return Requeue(after=interval)
    if failure.reason == Reason.UNAUTHORIZED:
        return Requeue(after=max(interval, PROBE_SECONDS))
    if failure.reason == Reason.STARTING:
        return Requeue(after=CANARY_STARTING_SECONDS, urgency=Urgency.DRIFT)
    if not failure.transient:
        return Requeue(after=interval)
    return Requeue(back_off=True, cap=LONGEST_UNREACHABLE, host_failed=failure.reason == Reason.UNREACHABLE)


def _while_starting(memory: Memory, now: float) -> float:
    """One second for the first two minutes; then a quarter of the time since, at most half a minute."""
    beyond = 0.0 if memory.starting_since is None else now - memory.starting_since - STARTING_PATIENCE
    return min(LONGEST_STARTING, max(STARTING_SECONDS, beyond / 4.0))


def _until_grace_ends(outcome: Outcome, context: Context) -> float:
    """Seconds until the grace period ends and the policy is enforced."""
    until = outcome.policy.spec.rollout.grace_until if outcome.policy and outcome.mode is Mode.GRACE else None
    return math.inf if until is None else max(0.0, (until - context.now()).total_seconds()) + 0.1


def _until_break_glass_ends(outcome: Outcome, context: Context) -> float:
    """Seconds until just after an open break-glass ends: a long checkInterval must not miss that moment."""
    end = outcome.observation.break_glass_until if outcome.observation else None
    return math.inf if end is None or end <= context.now() else (end - context.now()).total_seconds() + 0.5
