"""Roll-out in batches: which instances a new or changed policy may reach now.

The instances are taken by namespace and name; the policy's status keeps how many of them are admitted. If that is lost, the roll-out begins
anew: instances that are as wanted already take no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Rollout


class RolloutState(StrEnum):
    PROGRESSING = "Progressing"
    PAUSING = "Pausing"
    STOPPED = "Stopped"
    COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class Progress:
    """As ``status.rollout`` of the policy keeps it. ``batch_ready``: when the last batch became ready."""

    generation: int
    state: RolloutState = RolloutState.PROGRESSING
    admitted: int = 0
    updated: int = 0
    failed: int = 0
    total: int = 0
    batch_ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One governed instance: has a pass with this generation of the policy been there, and how did it end?"""

    key: Key
    reached: bool
    ready: bool
    failed: bool


def advance(rollout: Rollout, generation: int, before: Progress | None, standings: Sequence[Standing], now: datetime) -> Progress | None:
    """The next state of a roll-out; None where the policy asks for none. ``standings`` in any order."""
    if rollout.batch_size is None:
        return None
    ordered = sorted(standings, key=lambda one: (one.key.namespace, one.key.name))
    progress = before if before is not None and before.generation == generation else Progress(generation)
    if progress.state is RolloutState.COMPLETE:
        return _counted(replace(progress, admitted=len(ordered), total=len(ordered)), ordered)
    admitted = max(progress.admitted, min(rollout.batch_size, len(ordered)))
    progress = _counted(replace(progress, admitted=admitted, total=len(ordered)), ordered[:admitted])
    if ordered and all(one.reached and one.ready for one in ordered):
        # Those that wait have nothing to change either, or they would not be ready.
        return _counted(replace(progress, state=RolloutState.COMPLETE, admitted=len(ordered)), ordered)
    if progress.failed >= rollout.stop_after_failures:
        return replace(progress, state=RolloutState.STOPPED)
    if progress.updated + progress.failed < admitted:
        return replace(progress, state=RolloutState.PROGRESSING, batch_ready=None)
    return _after_batch(rollout, progress, now)


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
    """The number of the batch that brings an instance its change, and how many there are; None where there are no batches."""
    if rollout.batch_size is None or key not in governed:
        return None
    ordered = sorted(governed, key=lambda one: (one.namespace, one.name))
    return ordered.index(key) // rollout.batch_size + 1, -(-len(ordered) // rollout.batch_size)


def _after_batch(rollout: Rollout, progress: Progress, now: datetime) -> Progress:
    if not progress.total:
        return replace(progress, state=RolloutState.PROGRESSING)  # instances that come after their policy are rolled out to as well
    if progress.admitted >= progress.total:
        return replace(progress, state=RolloutState.COMPLETE, batch_ready=progress.batch_ready or now)
    ready = min(progress.batch_ready or now, now)  # a clock that was set back does not make the pause longer
    if now - ready < rollout.pause_between:
        return replace(progress, state=RolloutState.PAUSING, batch_ready=ready)
    more = min(progress.total, progress.admitted + (rollout.batch_size or 1))
    return replace(progress, state=RolloutState.PROGRESSING, admitted=more, batch_ready=None)


def _counted(progress: Progress, standings: Sequence[Standing]) -> Progress:
    updated = sum(one.reached and one.ready for one in standings)
    return replace(progress, updated=updated, failed=sum(one.reached and one.failed for one in standings))
