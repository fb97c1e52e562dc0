"""Rollouts: which instances may change now, and when a rollout stops by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import Rollout
from jenkins2fa.core.rollout import Progress, RolloutState, Standing, advance, batch_of, is_admitted

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEYS = [Key("ci", f"jenkins-{number}") for number in range(5)]
BY_TWO = Rollout(batch_size=2, pause_between=timedelta(minutes=10))


def standings(ready: int = 0, failed: int = 0) -> list[Standing]:
    """The first ones are ready, the next ones have failed, the rest was not reached."""
    return [Standing(key, reached=n < ready + failed, ready=n < ready, failed=ready <= n < ready + failed) for n, key in enumerate(KEYS)]


def after(before: Progress | None, found: list[Standing], now: datetime = NOW, generation: int = 1) -> Progress:
    progress = advance(BY_TWO, generation, before, found, now)
    assert progress is not None
    return progress


def test_without_a_batch_size_there_is_no_rollout() -> None:
    assert advance(Rollout(), 1, None, standings(), NOW) is None
    assert is_admitted(Rollout(), 1, None, KEYS[4], KEYS)


def test_batches_do_not_depend_on_the_order_of_the_list() -> None:
    assert [batch_of(BY_TWO, key, KEYS[::-1]) for key in KEYS] == [(1, 3), (1, 3), (2, 3), (2, 3), (3, 3)]
    assert [batch_of(Rollout(), KEYS[0], KEYS), batch_of(BY_TWO, Key("ci", "another"), KEYS)] == [None, None]


def test_the_first_batch_is_admitted_first_in_any_order() -> None:
    progress = after(None, standings()[::-1])
    assert progress == Progress(1, RolloutState.PROGRESSING, admitted=2, total=5)
    assert [is_admitted(BY_TWO, 1, progress, key, KEYS) for key in KEYS] == [True, True, False, False, False]


def test_the_next_batch_follows_after_the_pause() -> None:
    half = after(after(None, standings()), standings(ready=1))
    assert (half.state, half.admitted) == (RolloutState.PROGRESSING, 2)
    ready = after(half, standings(ready=2))
    assert (ready.state, ready.admitted, ready.batch_ready) == (RolloutState.PAUSING, 2, NOW)
    assert after(ready, standings(ready=2), NOW + timedelta(minutes=9)) == ready
    late = after(ready, standings(ready=2), NOW + timedelta(minutes=10))
    assert (late.state, late.admitted, late.batch_ready) == (RolloutState.PROGRESSING, 4, None)


def test_a_rollout_stops_at_failures_and_continues_after_recovery() -> None:
    stopped = after(after(None, standings()), standings(ready=1, failed=1))
    assert (stopped.state, stopped.admitted, stopped.failed) == (RolloutState.STOPPED, 2, 1)
    assert after(stopped, standings(ready=1, failed=1), NOW + timedelta(days=1)) == stopped
    assert after(stopped, standings(ready=2)).state is RolloutState.PAUSING


def test_a_policy_change_restarts_the_rollout() -> None:
    stopped = Progress(1, RolloutState.STOPPED, admitted=4, failed=1, total=5)
    assert after(stopped, standings(), generation=2) == Progress(2, RolloutState.PROGRESSING, admitted=2, total=5)
    assert not is_admitted(BY_TWO, 2, stopped, KEYS[0], KEYS)


def test_a_complete_rollout_admits_later_instances_at_once() -> None:
    complete = advance(Rollout(batch_size=9), 1, None, standings(ready=5), NOW)
    assert complete is not None
    assert complete.state is RolloutState.COMPLETE
    assert is_admitted(BY_TWO, 1, complete, Key("ci", "zz-new"), [*KEYS, Key("ci", "zz-new")])


def found(text: str) -> list[Standing]:
    """One letter an instance: r ready, w waits with something to change, f failed, ? not reported for this generation yet."""
    keys = [Key("ci", f"{n:02}") for n in range(len(text))]
    return [Standing(key, one in "rf", one == "r", one == "f", one != "?") for key, one in zip(keys, text, strict=True)]


def test_the_first_batch_waits_until_it_is_known_which_instances_change() -> None:
    unseen = after(None, found("?????"))
    assert (unseen.state, unseen.admitted) == (RolloutState.PROGRESSING, 0)
    assert after(unseen, found("r????")).admitted == 0
    assert after(unseen, found("?w???")).admitted == 2, "an instance that never reports does not block the others"
    assert after(unseen, found("?rf??")).admitted == 3, "a failure is met in its batch"


def test_instances_without_changes_take_no_slot_and_no_pause() -> None:
    resumed = after(None, found("r" * 25 + "w" * 25), generation=3)
    assert (resumed.state, resumed.admitted, resumed.updated) == (RolloutState.PROGRESSING, 27, 25)
    assert after(None, found("rwrrwrww")).admitted == 6
    paused = after(Progress(1, admitted=2), found("rrrrww"))
    assert (paused.state, paused.admitted, paused.updated, paused.batch_ready) == (RolloutState.PAUSING, 4, 4, NOW)
    over = after(paused, found("rrrrww"), NOW + BY_TWO.pause_between)
    assert (over.state, over.admitted) == (RolloutState.PROGRESSING, 6)
    assert after(Progress(1, admitted=2, failed=0), found("rrrrr")).state is RolloutState.COMPLETE


def test_an_edit_without_effect_keeps_the_pause_and_another_edit_ignores_it() -> None:
    paused = after(Progress(1, admitted=2), found("rrwww"))
    soon, over = NOW + timedelta(minutes=4), NOW + BY_TWO.pause_between
    unseen = after(after(paused, found("?????"), soon, generation=2), found("?????"), soon, generation=3)
    same = after(unseen, found("rrwww"), soon, generation=3)
    assert (same.state, same.admitted, same.batch_ready) == (RolloutState.PAUSING, 2, NOW)
    assert after(same, found("rrwww"), over, generation=3).admitted == 4
    assert after(unseen, found("wwwww"), soon, generation=3) == Progress(3, RolloutState.PROGRESSING, admitted=2, total=5)


def test_deleted_instances_do_not_block_the_rollout() -> None:
    assert after(Progress(1, admitted=4), found("rr")).state is RolloutState.COMPLETE
    assert advance(Rollout(1, stop_after_failures=2), 1, Progress(1, admitted=4), found("rf"), NOW) == Progress(
        1, RolloutState.COMPLETE, admitted=2, updated=1, failed=1, total=2, batch_ready=NOW
    )


@given(st.integers(1, 7), st.integers(0, 30), st.lists(st.booleans(), max_size=40))
def test_never_more_than_a_batch_is_admitted_beyond_the_ready_ones(batch: int, total: int, rounds: list[bool]) -> None:
    keys = [Key("n", f"{number:02}") for number in range(total)]
    progress, ready = None, 0
    for finished in rounds:
        found = [Standing(key, n < ready, n < ready, failed=False) for n, key in enumerate(keys)]
        progress = advance(Rollout(batch_size=batch), 1, progress, found, NOW)
        assert progress is not None
        assert progress.admitted <= min(total, ready + 2 * batch)
        ready = progress.admitted if finished else ready
