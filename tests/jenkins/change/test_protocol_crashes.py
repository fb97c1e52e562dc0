"""kill -9 between two lines of our scripts: the test leaves the files of such a crash, then Jenkins starts.

Also other damage to the trial's journal and the files beside it while a trial is open.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.plan import make_plan
from jenkins2fa.jenkins.change import Order, carry_out
from jenkins2fa.jenkins.errors import Refused
from tests.support.protocol_bench import ALONE, FIRST, OFF, SECOND, SETTINGS, Bench, Standing, order
from tests.support.waiting import wait_until

JOURNAL, GATE, STATE, STARTUP = "jenkins2fa/trial.json", "jenkins2fa/gate.json", "jenkins2fa/state.json", "init.groovy.d/jenkins2fa.groovy"
WRITTEN = (STARTUP, SETTINGS, GATE, STATE)  # in this order
Files = dict[str, str | None]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as started:
        yield started


@dataclass(frozen=True, slots=True)
class Recording:
    """A change as seen on disk: the files before it, its journal, and the files after the confirmation."""

    ordered: Order
    standing: Standing
    before: Files
    journal: str
    after: Files


def _files(bench: Bench) -> Files:
    return {name: path.read_text() if (path := bench.jenkins.home / name).exists() else None for name in WRITTEN}


def _put(bench: Bench, files: Files) -> None:
    for name, text in files.items():
        path = bench.jenkins.home / name
        path.unlink(missing_ok=True)
        if text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _bring_to(bench: Bench, start: str) -> Desired:
    """Returns the desired state of the next change."""
    bench.make_virgin()
    if start == "from-nothing":
        return FIRST
    carry_out(lambda: bench.connect(through_door=False), order(FIRST))
    return SECOND


def _begin(bench: Bench, ordered: Order, seconds: int = 600) -> None:
    with contextlib.closing(bench.connect(seconds, through_door=False)) as driver:
        driver.begin(
            ordered.trial,
            ordered.desired,
            ordered.owner,
            ordered.deletion,
            with_gate=ordered.with_gate,
            take_over=None,
            corrects=ordered.corrects,
        )


def _confirm(bench: Bench, ordered: Order) -> str:
    with contextlib.closing(bench.connect(through_door=False)) as driver:
        return driver.confirm(ordered.trial)


def _cancel(bench: Bench, ordered: Order) -> str:
    with contextlib.closing(bench.connect(through_door=False)) as driver:
        return driver.cancel(ordered.trial)


def _record(bench: Bench, start: str) -> Recording:
    ordered = replace(order(_bring_to(bench, start)), corrects=("allowedFactors",))
    standing, before = Standing.of(bench.observe()), _files(bench)
    _begin(bench, ordered)
    journal = (bench.jenkins.home / JOURNAL).read_text()
    assert _confirm(bench, ordered) == "Confirmed"
    return Recording(ordered, standing, before, journal, _files(bench))


def _crash_at(bench: Bench, recorded: Recording, phase: str, written: int) -> None:
    """As kill -9 leaves it: the journal in ``phase``, the first ``written`` of the files new, the others as before."""
    bench.jenkins.kill()
    _put(bench, {name: (recorded.after if at < written else recorded.before)[name] for at, name in enumerate(WRITTEN)})
    _put(bench, {JOURNAL: json.dumps({**json.loads(recorded.journal), "phase": phase})})
    bench.jenkins.start()


POINTS = [("open", 0), ("open", 1), ("confirmed", 1), ("confirmed", 2), ("confirmed", 3), ("confirmed", 4)]


CRASHES = [
    pytest.param(start, point, marks=() if (number + POINTS.index(point)) % 2 else pytest.mark.slow)  # `make test` takes the starts in turn
    for (number, start), point in itertools.product(enumerate(("from-nothing", "from-running")), POINTS)
]


@pytest.mark.parametrize(("start", "point"), CRASHES)
def test_a_crash_inside_a_script_is_undone_or_completed(bench: Bench, start: str, point: tuple[str, int]) -> None:
    recorded = _record(bench, start)
    _crash_at(bench, recorded, *point)
    forward = point[0] == "confirmed"
    assert _confirm(bench, recorded.ordered) == ("Confirmed" if forward else "Expired")
    seen = bench.observe()
    assert not (bench.jenkins.home / JOURNAL).exists()
    assert bench.administrator()
    if forward:
        assert not make_plan(seen, recorded.ordered.desired, recorded.ordered.gate_code).changes
        assert seen.owner == recorded.ordered.owner
        assert [len(times) for times in seen.corrections.values()] == [1], "a correction is counted once"
    else:
        assert Standing.of(seen) == recorded.standing


BROKEN = [
    ("from-nothing", "jenkins2fa", 1),
    ("from-nothing", "jenkins2fa", 2),
    ("from-running", "jenkins2fa", 3),
    ("from-running", "plugins/moTfaGlobalConfig", 1),
]


@pytest.mark.parametrize(("start", "folder", "written"), BROKEN)
def test_a_crashed_confirmation_that_cannot_be_completed_is_undone(bench: Bench, start: str, folder: str, written: int) -> None:
    """The disk is read-only at the next start. Otherwise the settings would be in force without their gate, and the operator locked out."""
    recorded = _record(bench, start)
    place = bench.jenkins.home / folder
    place.mkdir(parents=True, exist_ok=True)
    bench.jenkins.kill()
    _put(bench, {name: (recorded.after if at < written else recorded.before)[name] for at, name in enumerate(WRITTEN)})
    _put(bench, {JOURNAL: json.dumps({**json.loads(recorded.journal), "phase": "confirmed"})})
    subprocess.run(["chattr", "+i", place], check=True)
    try:
        bench.jenkins.start()
        now, before = Standing.of(bench.observe()), recorded.standing
        assert (now.memory, now.live, now.gate) == (before.memory, before.live, before.gate)
        assert bench.administrator()
        assert _confirm(bench, recorded.ordered) == "Expired"
    finally:
        subprocess.run(["chattr", "-i", place], check=True)
    bench.wait_until_over(60)
    bench.crash()
    assert Standing.of(bench.observe()) == recorded.standing
    assert carry_out(lambda: bench.connect(through_door=False), order(recorded.ordered.desired)).plan.changes == ()


@pytest.mark.parametrize("saved", [False, True], ids=["before-the-save", "after-the-save"])
def test_the_next_request_completes_a_crashed_confirmation_without_a_start_up_file(bench: Bench, saved: bool) -> None:
    """gate.mode None: nothing of ours runs at the start, so the operator, which never got its reply, sends another request."""
    bench.make_virgin()
    ordered = replace(order(Desired(replace(FIRST.plugin, enabled=False))), with_gate=False)
    before = _files(bench)
    _begin(bench, ordered)
    journal = (bench.jenkins.home / JOURNAL).read_text()
    assert _confirm(bench, ordered) == "Confirmed"
    _crash_at(bench, Recording(ordered, Standing.of(bench.observe()), before, journal, _files(bench)), "confirmed", 2 if saved else 0)
    assert bench.observe().trial.stale
    assert _confirm(bench, ordered) == "Confirmed"
    seen = bench.observe()
    assert (seen.disk, seen.memory, seen.owner) == (ordered.desired.plugin, ordered.desired.plugin, ordered.owner)
    assert not (bench.jenkins.home / STARTUP).exists()


@pytest.mark.parametrize("desired", [FIRST, ALONE], ids=["gated", "alone"])
def test_a_crash_during_a_trial_keeps_only_what_somebody_else_saved(bench: Bench, desired: Desired) -> None:
    """Without a gate nothing of ours runs at the start: the next request repairs it, and the operator can still log in."""
    bench.bring_to(OFF, seeded=desired is ALONE)
    ordered = order(desired)
    _begin(bench, ordered)
    bench.administrator_saves(enabled=True, questions=True, sender="carol@lab.invalid")
    bench.crash()
    assert _confirm(bench, ordered) == "Expired"
    seen = bench.observe()
    assert seen.disk == seen.memory
    assert seen.disk is not None
    assert (seen.disk.enabled, seen.disk.factors, seen.live) == (False, {Factor.EMAIL_OTP}, False)
    assert seen.disk.sender == "carol@lab.invalid"
    bench.bring_to(OFF)


@pytest.mark.parametrize("harm", ["deleted", "damaged"])
def test_removing_the_journal_does_not_make_a_trial_permanent(bench: Bench, harm: str) -> None:
    ordered = order(_bring_to(bench, "from-running"))
    before = Standing.of(bench.observe())
    _begin(bench, ordered, seconds=1)
    path = bench.jenkins.home / JOURNAL
    path.unlink() if harm == "deleted" else path.write_text("{")
    assert bench.observe().memory == SECOND.plugin
    wait_until(lambda: Standing.of(bench.observe()) == before, seconds=8)
    assert not path.exists()
    assert carry_out(lambda: bench.connect(through_door=False), order(SECOND)).plan.changes == ()


def test_a_confirmation_that_fails_at_its_last_file_is_undone(bench: Bench) -> None:
    ordered = order(_bring_to(bench, "from-running"))
    before, files = Standing.of(bench.observe()), _files(bench)
    _begin(bench, ordered)
    _put(bench, {STATE: "{"})
    with pytest.raises(Refused) as caught:
        _confirm(bench, ordered)
    assert caught.value.type == "NoteDamaged"
    _put(bench, {STATE: files[STATE]})
    assert Standing.of(bench.observe()) == before
    bench.crash()
    assert Standing.of(bench.observe()) == before


def test_undoing_a_trial_does_not_reopen_an_ended_break_glass(bench: Bench) -> None:
    ordered = order(_bring_to(bench, "from-running"))
    with contextlib.closing(bench.connect(through_door=False)) as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), "INC-1", timedelta(hours=4), keep=True)
        assert bench.observe().live is False
        _begin(bench, ordered)
        assert bench.observe().live is False, "a trial does not end a break-glass"
        driver.close_break_glass()
        assert _cancel(bench, ordered) == "Undone"
    seen = bench.observe()
    assert (seen.live, seen.memory) == (True, seen.disk)


def test_a_form_saved_during_a_break_glass_does_not_enforce_an_undone_trial(bench: Bench) -> None:
    """Saving the form sets the live flag: left on without the trial's gate and factor, it would lock the operator out."""
    ordered = order(_bring_to(bench, "from-nothing"))
    with contextlib.closing(bench.connect(through_door=False)) as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), "INC-1", timedelta(hours=4), keep=True)
    _begin(bench, ordered)
    bench.administrator_saves(enabled=True, questions=True, sender="carol@lab.invalid")
    assert _cancel(bench, ordered) == "Undone"
    seen = bench.observe()
    assert seen.memory is not None
    assert (seen.live, seen.memory.enabled, seen.memory.sender) == (False, False, "carol@lab.invalid")


def test_undoing_a_drift_correction_restores_the_drift_layer_by_layer(bench: Bench) -> None:
    """Memory off, disk on: the undo makes neither equal to the other."""
    _bring_to(bench, "from-running")
    bench.jenkins.groovy("io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableTfa(false)")
    before, files = Standing.of(bench.observe()), _files(bench)
    assert before.memory != before.disk
    ordered = order(FIRST)
    _begin(bench, ordered)
    _put(bench, {STATE: "{"})  # so that the confirmation fails after it has saved
    with pytest.raises(Refused):
        _confirm(bench, ordered)
    _put(bench, {STATE: files[STATE]})
    assert Standing.of(bench.observe()) == before
