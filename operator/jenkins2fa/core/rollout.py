"""Roll-out in batches: which instances a new or changed policy may reach now.

Instances are ordered by namespace and name, and the policy's status keeps how many of them are admitted. If that is lost, or the policy is
edited, the roll-out starts again. It skips instances that are as desired already, so it is soon where it was. To know which ones to skip,
the first batch waits until a reconcile has reported at least one instance that has something to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate, takewhile

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Rollout


class RolloutState(StrEnum):
    PROGRESSING = "Progressing"
    PAUSING = "Pausing"
    STOPPED = "Stopped"
    COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class Progress:
    """As in ``status.rollout`` of the policy. ``admitted`` 0: the first batch has not begun.

    ``batch_ready``: when the last batch became ready. Before the first batch: the same of the former generation, if its pause was not
    over."""

    generation: int
    state: RolloutState = RolloutState.PROGRESSING
    admitted: int = 0
    updated: int = 0
    failed: int = 0
    total: int = 0
    batch_ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One governed instance. ``reached``: this generation of the policy was applied there; ``ready`` and ``failed``: with which result.

    ``reported``: a reconcile with this generation has reported. If it did not reach the instance, something waits to be changed there."""

    key: Key
    reached: bool
    ready: bool
    failed: bool
    reported: bool = True

    @property
    def done(self) -> bool:
        return self.reached and self.ready


def advance(rollout: Rollout, generation: int, before: Progress | None, standings: Sequence[Standing], now: datetime) -> Progress | None:
    """The next state of a roll-out; None where the policy asks for none. ``standings`` in any order."""
    if rollout.batch_size is None:
        return None
    ordered = sorted(standings, key=lambda one: (one.key.namespace, one.key.name))
    progress = before if before is not None and before.generation == generation else _begin(generation, before)
    if progress.state is RolloutState.COMPLETE:
        return _counted(replace(progress, admitted=len(ordered), total=len(ordered)), ordered)
    progress = _counted(replace(progress, admitted=min(progress.admitted, len(ordered)), total=len(ordered)), ordered)
    if ordered and all(one.done for one in ordered):
        # Instances that wait have nothing to change either: otherwise they would not be ready.
        return _counted(replace(progress, state=RolloutState.COMPLETE, admitted=len(ordered)), ordered)
    if progress.failed >= rollout.stop_after_failures:
        return replace(progress, state=RolloutState.STOPPED)
    if progress.updated + progress.failed < progress.admitted:
        return replace(progress, state=RolloutState.PROGRESSING, batch_ready=None)
    return _counted(_after_batch(rollout, progress, ordered, now), ordered)


def is_admitted(rollout: Rollout, generation: int, progress: Progress | None, key: Key, governed: Sequence[Key]) -> bool:
    """Whether an instance may be changed for this generation of the policy."""
    if rollout.batch_size is None:
        return True
    if progress is None or progress.generation != generation:
        return False
    if progress.state is RolloutState.COMPLETE:
        return True
    ordered = sorted(governed, key=lambda one: (one.namespace, one.name))
    return key in ordered[: progress.admitted]


def batch_of(rollout: Rollout, key: Key, governed: Sequence[Key]) -> tuple[int, int] | None:
    """The number of the batch with this instance, and the number of batches. None = the policy has no batches."""
    if rollout.batch_size is None or key not in governed:
        return None
    ordered = sorted(governed, key=lambda one: (one.namespace, one.name))
    return ordered.index(key) // rollout.batch_size + 1, -(-len(ordered) // rollout.batch_size)


def _begin(generation: int, before: Progress | None) -> Progress:
    """A pause continues if the policy is edited, or suspended and resumed."""
    if before is None or not (before.state is RolloutState.PAUSING or before.admitted == 0):
        return Progress(generation)
    return Progress(generation, batch_ready=before.batch_ready)


def _after_batch(rollout: Rollout, progress: Progress, ordered: Sequence[Standing], now: datetime) -> Progress:
    """All admitted instances are done or failed: admit the next batch, at once or after the pause."""
    first = progress.admitted == 0
    reached = progress.admitted + sum(1 for _ in takewhile(lambda one: one.done, ordered[progress.admitted :]))
    if not ordered:
        return replace(progress, state=RolloutState.PROGRESSING)  # instances that are created after the policy take part too
    if reached >= progress.total:
        return replace(progress, state=RolloutState.COMPLETE, admitted=reached, batch_ready=progress.batch_ready or now)
    end = _end_of_batch(rollout.batch_size or 1, reached, ordered)
    if first and not any(one.reported and not one.done for one in ordered[reached:end]):
        return replace(progress, state=RolloutState.PROGRESSING)  # reconciles that are under way will report
    if first and (reached == 0 or progress.batch_ready is None):
        return replace(progress, state=RolloutState.PROGRESSING, admitted=end, batch_ready=None)
    ready = min(progress.batch_ready or now, now)  # a clock that was set back must not lengthen the pause
    if now - ready < rollout.pause_between:
        return replace(progress, state=RolloutState.PAUSING, admitted=reached, batch_ready=ready)
    return replace(progress, state=RolloutState.PROGRESSING, admitted=end, batch_ready=None)


def _end_of_batch(size: int, begin: int, ordered: Sequence[Standing]) -> int:
    """The end of the batch that begins at ``begin``. Instances that are done take no place in it."""
    places = accumulate(int(not one.done) for one in ordered[begin:])
    return begin + sum(1 for _ in takewhile(lambda taken: taken <= size, places))


def _counted(progress: Progress, ordered: Sequence[Standing]) -> Progress:
    admitted = ordered[: progress.admitted]
    return replace(progress, updated=sum(one.done for one in admitted), failed=sum(one.reached and one.failed for one in admitted))
