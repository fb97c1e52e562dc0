"""Faults at the start of a break-glass, while it is open, and at its end; the same promises are checked every time.

(a) Somebody with administration rights gets in, and (b) so does the operator, at every moment. (c) Memory and disk say "on" all the
time, so that whatever fails, fails to the safe side. (d) It ends in its time, whoever is still there, and leaves nothing: people are
asked again, and the next change works as if it had not been.

It begins with one request, and Jenkins does the rest. So an operator that is killed, or a network that is cut, can meet that request
only: killed or cut before it, nothing happens; killed in its middle, the same happens as with a lost answer. A second operator that
opens another is the first one to Jenkins. With a gate it goes on over a restart, by our start-up script; without one (gate.mode None)
there is no such script, and a restart ends it: only what that, or the operator's log-in afterwards, makes different is tried there too.
"""

from __future__ import annotations

import contextlib
import pathlib
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest

from jenkins2fa.core.desired import Desired
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import JenkinsError, Refused, Unreachable
from tests.support.literals import MAIL
from tests.support.protocol_bench import ALONE, ALONE_OFF, FIRST, Bench, Standing, order, without_mail
from tests.support.protocol_door import Rule
from tests.support.protocol_faults import OTHER_SENDER, Attempt, Fault, strike
from tests.support.waiting import wait_until

NOTE, STATE = "jenkins2fa/break-glass.json", "jenkins2fa/state.json"
LONGEST = timedelta(hours=4)
TIME_IS_UP = "jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa').breakGlassTimer.run()"
OFF = Desired(replace(FIRST.plugin, enabled=False), FIRST.gate)


@dataclass(frozen=True, slots=True)
class Start:
    """``keeps``: whether our start-up script is there, and may be."""

    running: Desired
    off: Desired
    keeps: bool


STARTS = {"gated": Start(FIRST, OFF, True), "alone": Start(ALONE, ALONE_OFF, False)}

# At the start: whether it is open afterwards, and otherwise the error that the operator gets.
OPENS: dict[Fault, tuple[bool, type[JenkinsError] | None]] = {
    Fault.CUT: (False, Unreachable),
    Fault.ANSWER_LOST_ONCE: (True, Unreachable),
    Fault.QUIETING_DOWN: (True, None),  # that may be the emergency
    Fault.READ_ONLY: (False, Refused),
    Fault.FULL: (False, Refused),
}
WHILE_OPEN = (Fault.RESTART, Fault.OTHER_FORM, Fault.READ_ONLY, Fault.FULL)  # kill -9 leaves the same files as a restart


def cases(gated: Iterable[Enum | str], alone: Iterable[Enum | str]) -> pytest.MarkDecorator:
    """Every fault with every start; ``start`` is brought about first."""
    both = [("gated", how) for how in gated] + [("alone", how) for how in alone]
    ids = [f"{start}-{how.value if isinstance(how, Enum) else how}" for start, how in both]
    return pytest.mark.parametrize(("start", "how"), both, indirect=["start"], ids=ids)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as started:
        yield started


@pytest.fixture
def start(bench: Bench, request: pytest.FixtureRequest) -> Start:
    chosen = STARTS[request.param]
    bench.bring_to(chosen.running, seeded=not chosen.keeps)
    return chosen


@cases(OPENS, [Fault.ANSWER_LOST_ONCE, Fault.FULL])
def test_a_break_glass_begins_completely_or_not_at_all(bench: Bench, start: Start, how: Fault) -> None:
    opens, tells = OPENS[how]
    before = Standing.of(bench.observe())
    with contextlib.closing(bench.connect()) as driver:
        driver.close_break_glass()  # there is none: only that the next request opens it, with no log-in and no text to be sent before
        strike(bench, how, Attempt())
        told = _open(bench, start, reason := secrets.token_hex(4), driver)
    bench.door.turn(Rule.OPEN)
    bench.mend()
    assert type(told) is (tells or type(None))
    if opens:
        _check_open(bench, before)
        bench.jenkins.groovy(TIME_IS_UP)
    else:
        assert bench.observe().break_glass_used != reason, "the reason is used up, but it was never open"
    _check_over(bench, start, before)


@cases(WHILE_OPEN, [Fault.RESTART])
def test_a_break_glass_stays_open_until_it_ends_or_is_closed(bench: Bench, start: Start, how: Fault) -> None:
    over = how is Fault.RESTART and not start.keeps
    before = Standing.of(bench.observe())
    assert _open(bench, start) is None
    strike(bench, how, Attempt())
    if how is Fault.OTHER_FORM:  # saving the form also sets the live flag
        assert bench.observe().live
    elif not over:
        _check_open(bench, before)
    if not over:
        bench.jenkins.groovy(TIME_IS_UP)
    assert _is_asked(bench, "eve"), "the disk prevents it from ending"
    bench.mend()
    if how is Fault.OTHER_FORM:
        before = replace(
            before,
            **{
                layer: replace(before.memory, base_factors=before.memory.base_factors | MAIL, sender=OTHER_SENDER)
                for layer in ("memory", "disk")
            },
        )
    _check_over(bench, start, before, left=over)


@cases(["deleted", "damaged"], ["deleted"])
def test_removing_the_record_of_a_break_glass_does_not_extend_it(bench: Bench, start: Start, how: str) -> None:
    before = Standing.of(bench.observe())
    assert _open(bench, start, seconds=1) is None
    note = bench.jenkins.home / NOTE
    note.unlink() if how == "deleted" else note.write_text("{")
    assert not _is_asked(bench, "eve")
    wait_until(lambda: _is_asked(bench, "eve"), seconds=5, every=0.1, what="it is over")
    _check_over(bench, start, before)


@cases(["time", "jenkins-down-meanwhile"], ["closed"])
def test_a_break_glass_ends_on_time(bench: Bench, start: Start, how: str) -> None:
    before, begun = Standing.of(bench.observe()), time.monotonic()
    assert _open(bench, start, seconds=3600 if how == "closed" else 1) is None
    if how == "closed":
        with contextlib.closing(bench.connect()) as driver:
            driver.close_break_glass()
    elif how == "time":
        wait_until(lambda: _is_asked(bench, "eve"), seconds=5, every=0.1, what="it is over")
    else:
        bench.jenkins.kill()
        time.sleep(max(0.0, begun + 1.5 - time.monotonic()))
        bench.jenkins.start()
    _check_over(bench, start, before)


@cases(["another"], [])
def test_the_end_of_a_break_glass_does_not_end_the_next(bench: Bench, start: Start, how: str) -> None:
    before = Standing.of(bench.observe())
    assert _open(bench, start, seconds=0.5) is None
    assert _open(bench, start) is None, how
    time.sleep(0.6)
    _check_open(bench, before)
    bench.jenkins.groovy(TIME_IS_UP)
    _check_over(bench, start, before)


@cases([NOTE, STATE], [])
def test_a_partly_recorded_break_glass_is_not_opened_and_keeps_its_reason(bench: Bench, start: Start, how: str) -> None:
    before, path = Standing.of(bench.observe()), bench.jenkins.home / how
    with _unwritable(path):
        assert isinstance(_open(bench, start, reason := secrets.token_hex(4)), Refused)
        assert bench.observe().break_glass_used != reason
    _check_over(bench, start, before)


@contextlib.contextmanager
def _unwritable(path: pathlib.Path) -> Iterator[None]:
    """Make a file impossible to replace; if it does not exist, put a folder in its place."""
    if path.exists():
        subprocess.run(["chattr", "+i", path], check=True)
    else:
        (path / "in the way").mkdir(parents=True)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            subprocess.run(["chattr", "-i", path], check=True)


def _open(bench: Bench, start: Start, reason: str = "", driver: Driver | None = None, seconds: float = 3600) -> JenkinsError | None:
    """Open one for an unused reason. Returns the operator's error; None = it was told that it is open."""
    with contextlib.nullcontext(driver) if driver else contextlib.closing(bench.connect()) as writer:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        try:
            assert writer.open_break_glass(until, reason or secrets.token_hex(4), LONGEST, keep=start.keeps)
        except JenkinsError as problem:
            return problem
    return None


def _is_asked(bench: Bench, name: str) -> bool:
    return bench.jenkins.browser(name, f"{name}-pw-1").status() == 302


def _check_open(bench: Bench, before: Standing) -> None:
    seen = bench.observe()
    assert seen.break_glass_until is not None
    assert Standing.of(seen) == replace(before, live=False)
    assert not _is_asked(bench, "eve")
    assert bench.administrator()


def _check_over(bench: Bench, start: Start, before: Standing, *, left: bool = False) -> None:
    """``left``: its record may remain until the next change, since nothing of ours ran at the start of Jenkins."""
    if not left:
        wait_until(lambda: not (bench.jenkins.home / NOTE).exists(), seconds=5, every=0.05, what="its note is gone")
    seen = bench.observe()
    assert seen.break_glass_until is None
    assert _without_texts(Standing.of(seen)) == _without_texts(before)
    assert [_is_asked(bench, name) for name in ("robot", "eve")] == [start.running.gate is None, True]
    assert bench.administrator()
    with contextlib.closing(bench.connect()) as driver:  # as if there had been no break-glass
        ordered = order(start.off)
        driver.begin(ordered.trial, ordered.desired, ordered.owner, ordered.deletion, with_gate=ordered.with_gate, take_over=None)
        assert not _is_asked(bench, "eve"), "it still holds the live flag"
        assert driver.cancel(ordered.trial) == "Undone"
    assert not (bench.jenkins.home / NOTE).exists()
    assert _without_texts(Standing.of(bench.observe())) == _without_texts(before)


def _without_texts(standing: Standing) -> Standing:
    return replace(standing, memory=without_mail(standing.memory), disk=without_mail(standing.disk))
