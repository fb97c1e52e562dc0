"""When an instance is observed again."""

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
STARTING_PATIENCE = 120.0  # a Jenkins that takes longer than this is observed less and less often
LONGEST_STARTING = 30.0
ODD_ANSWER_SECONDS = 4.0  # each observation sends credentials that were just refused: not too often
LONGEST_UNREACHABLE = 60.0
CANARY_STARTING_SECONDS = 5.0
COUNTING_SECONDS = 5.0  # each observation goes on where the one before stopped
ANOTHER_SERVES = 30.0  # until it is looked again whether another installation still does
SPREAD = 0.1  # of checkInterval, so that the instances of a fleet do not march in step


def spread_interval(instance: JenkinsInstance, random: float) -> float:
    """Seconds until the next observation of an instance where nothing happens; ``random``: 0 to 1."""
    return instance.spec.check_interval.total_seconds() * (1.0 + SPREAD * (2.0 * random - 1.0))


def when_again(outcome: Outcome, memory: Memory, context: Context) -> Requeue:
    """A transient failure is tried again soon; all else, what needs attention included, after ``checkInterval`` ± 10 %."""
    if outcome.canaries is not None:
        return _after_canaries(outcome, context)
    failure = outcome.failure
    interval = spread_interval(outcome.instance, context.random())
    if failure is None or not failure.transient:
        return Requeue(after=min(interval, _until_glass_ends(outcome, context), _until_grace_ends(outcome, context)))
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
    """A canary is the only observation, so it is sent every ``checkInterval``; a refused one seldom, lest its account be locked."""
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
    """A second for two minutes; then a quarter of the time since, at most half a minute."""
    beyond = 0.0 if memory.starting_since is None else now - memory.starting_since - STARTING_PATIENCE
    return min(LONGEST_STARTING, max(STARTING_SECONDS, beyond / 4.0))


def _until_grace_ends(outcome: Outcome, context: Context) -> float:
    """Seconds until the grace period ends and the policy is enforced."""
    until = outcome.policy.spec.rollout.grace_until if outcome.policy and outcome.mode is Mode.GRACE else None
    return math.inf if until is None else max(0.0, (until - context.now()).total_seconds()) + 0.1


def _until_glass_ends(outcome: Outcome, context: Context) -> float:
    """Seconds until an open break-glass is over, and a little more: that moment is not to be missed by a long checkInterval."""
    seen = outcome.observation
    if seen is None or seen.break_glass_until is None or seen.break_glass_until <= context.now():
        return math.inf
    return (seen.break_glass_until - context.now()).total_seconds() + 0.5
