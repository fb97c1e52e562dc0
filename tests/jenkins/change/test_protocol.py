"""Every known fault at every step of a change; the same promises are checked every time.

(a) Somebody with administration rights gets in. (b) The operator gets in, or the change undoes itself within its time.
(c) Disk never holds unconfirmed settings that we wrote. (d) No session stays verified only because of a gate that is gone.
(e) After a confirmed change all layers agree; after any other everything is as before.

With a gate, which keeps the operator in, and without one, where it passes the second factor by itself (gate.mode None).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jenkins2fa.core.plan import make_plan
from jenkins2fa.jenkins.change import Order, Step
from jenkins2fa.jenkins.errors import ChangeUndone, Refused
from tests.support.protocol_bench import (
    ALONE,
    ALONE_BY_MAIL,
    ALONE_OFF,
    FIRST,
    OFF,
    OURS,
    SECOND,
    SETTINGS,
    THIRD,
    Bench,
    Standing,
    Watcher,
    order,
    stored_settings,
    without_mail,
)
from tests.support.protocol_door import Rule
from tests.support.protocol_faults import OTHER_SENDER, Attempt, Fault, attempt
from tests.support.standin import Browser

GATED = {"from-nothing": (OFF, FIRST), "from-running": (FIRST, SECOND)}
ALONE_FROM_NOTHING, ALONE_FROM_RUNNING, ALONE_TO_OFF = "alone-from-nothing", "alone-from-running", "alone-to-off"
STARTS = {**GATED, ALONE_FROM_NOTHING: (OFF, ALONE), ALONE_FROM_RUNNING: (ALONE, ALONE_BY_MAIL), ALONE_TO_OFF: (ALONE, ALONE_OFF)}
FORMS = (Fault.SAME_FORM, Fault.OTHER_FORM)
STEPS = list(Step)
BEFORE_THE_END = STEPS[: STEPS.index(Step.CONFIRM) + 1]
MAY_NOT_HEAR = (Fault.CUT, Fault.ANSWER_LOST, Fault.ANSWER_LOST_ONCE, Fault.RESTART, Fault.CRASH)
DISKS = (Fault.READ_ONLY, Fault.FULL)

# By fault: the last step at which it strikes and the change is still undone; None = the change is kept whatever the step.
UNDONE_AT: dict[Fault, list[Step]] = {
    Fault.NONE: [],
    Fault.KILLED_BEFORE: BEFORE_THE_END,
    Fault.KILLED_IN_FLIGHT: [Step.BEGIN, Step.READ_BACK, Step.PROBE],
    Fault.CUT: BEFORE_THE_END,
    Fault.ANSWER_LOST: [Step.BEGIN, Step.READ_BACK, Step.PROBE],
    Fault.ANSWER_LOST_ONCE: [Step.READ_BACK, Step.PROBE],
    Fault.RESTART: [Step.READ_BACK, Step.PROBE, Step.CONFIRM],
    Fault.CRASH: [Step.READ_BACK, Step.PROBE, Step.CONFIRM],
    Fault.SAME_FORM: [],
    Fault.OTHER_FORM: [Step.READ_BACK, Step.PROBE, Step.CONFIRM],
    Fault.SECOND_OPERATOR: [Step.BEGIN],
    Fault.QUIETING_DOWN: [Step.BEGIN],
    Fault.READ_ONLY: BEFORE_THE_END,
    Fault.FULL: BEFORE_THE_END,
}
CASES = [
    (start, step, fault)
    for start, fault, step in itertools.product(GATED, Fault, STEPS)
    if not (fault is Fault.NONE and step is not Step.BEGIN)  # nothing happens: the step does not matter
    and not (fault in FORMS and step is Step.BEGIN)  # before the trial: the change starts from what the administrator has saved
]

# Without a gate the steps are the same, and so is what the scripts do with plugin and journal. Other is how the operator gets in (a look
# and an enrolment before the trial, a log-in on each new session), that no start-up script of ours clears up after a restart, and which
# files are written. Left out is what meets none of these: network or operator gone before a step (nothing happens any more, as with a
# gate, and a trial that nobody ends is there once), kill -9 beside a restart, and most of disk, other operator and form, which never meet
# a log-in. Security questions only: a one-time code would be another form at the same places (test_login_code).
ALONE_CASES: dict[str, dict[Fault, list[Step]]] = {
    ALONE_FROM_NOTHING: {
        Fault.NONE: [Step.BEGIN],
        Fault.KILLED_IN_FLIGHT: [Step.READ_BACK, Step.CONFIRM],
        Fault.ANSWER_LOST: [Step.READ_BACK],
        Fault.ANSWER_LOST_ONCE: STEPS,
        Fault.RESTART: [Step.READ_BACK, Step.CONFIRM, Step.VERIFY],
        Fault.OTHER_FORM: [Step.READ_BACK, Step.CONFIRM, Step.VERIFY],
        Fault.SECOND_OPERATOR: [Step.BEGIN, Step.CONFIRM],
        Fault.QUIETING_DOWN: [Step.BEGIN],
        Fault.FULL: [Step.BEGIN, Step.CONFIRM],
    },
    ALONE_FROM_RUNNING: {
        Fault.NONE: [Step.BEGIN],
        Fault.RESTART: [Step.VERIFY],
        Fault.OTHER_FORM: [Step.CONFIRM],
    },
    ALONE_TO_OFF: {
        Fault.NONE: [Step.BEGIN],
        Fault.ANSWER_LOST: [Step.READ_BACK],
        Fault.ANSWER_LOST_ONCE: [Step.BEGIN, Step.READ_BACK, Step.CONFIRM],
        Fault.RESTART: [Step.READ_BACK, Step.CONFIRM],
        Fault.OTHER_FORM: [Step.READ_BACK],
    },
}
CASES += [(start, step, fault) for start, faults in ALONE_CASES.items() for fault, steps in faults.items() for step in steps]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as started:
        yield started


def each_pair_once(start: str, step: Step, fault: Fault) -> bool:
    """Whether `make test` runs this case: each fault at each step, from one of the two gated starts in turn; all cases without a gate."""
    return start not in GATED or (STEPS.index(step) + list(Fault).index(fault) + list(GATED).index(start)) % 2 == 0


@pytest.mark.parametrize(
    ("start", "step", "fault"),
    [
        pytest.param(*case, id=f"{case[0]}-{case[1].value}-{case[2].value}", marks=() if each_pair_once(*case) else pytest.mark.slow)
        for case in CASES
    ],
)
def test_promises_hold_after_a_fault_at_any_step(bench: Bench, start: str, step: Step, fault: Fault) -> None:
    begin_with, desired = STARTS[start]
    bench.bring_to(begin_with, seeded=start not in GATED)
    before = Standing.of(bench.observe())
    ordered = order(desired if fault is not Fault.SAME_FORM else replace(desired, plugin=FIRST.plugin))
    visitors = [bench.jenkins.browser(name, f"{name}-pw-1") for name in ("robot", "eve")]
    with Watcher(bench.jenkins.home) as watcher:
        done = attempt(bench, ordered, step, fault, lambda now: _visit(visitors))
        bench.door.turn(Rule.OPEN)
        bench.mend()
        bench.wait_until_over()
    confirmed = step not in UNDONE_AT[fault] or (fault is Fault.SECOND_OPERATOR and before.owner is not None)
    if fault is Fault.ANSWER_LOST_ONCE and step is Step.BEGIN and bench.seeded:
        confirmed = False  # it was the reply to the observation before the trial, or to the challenge: nothing had begun
    _check_what_the_operator_was_told(done, step, fault, confirmed)
    assert bench.administrator(), "no administrator gets in"
    after = Standing.of(bench.observe())  # raises if the operator does not get in
    _check_disk(watcher, done, step, fault, confirmed)
    _check_sessions(bench, visitors, after)
    _check_outcome(bench, ordered, before, after, step, fault, confirmed, done)


def _visit(visitors: list[Browser]) -> None:
    for visitor in visitors:
        visitor.status()


def _check_what_the_operator_was_told(done: Attempt, step: Step, fault: Fault, confirmed: bool) -> None:
    if fault in (Fault.KILLED_BEFORE, Fault.KILLED_IN_FLIGHT):
        return
    if done.result is not None:
        assert confirmed, "the operator reports an undone change as done"
    elif confirmed:
        assert fault in MAY_NOT_HEAR, f"{done.error} although it was confirmed"
        assert not isinstance(done.error, ChangeUndone), "it is reported as undone, and is not"
    if fault is Fault.SECOND_OPERATOR and confirmed:
        assert isinstance(done.second, Refused)
        assert done.second.type == ("OwnedElsewhere" if step in (Step.BEGIN, Step.VERIFY) else "TrialPending")
    if fault in (Fault.SECOND_OPERATOR, Fault.QUIETING_DOWN) and not confirmed:
        assert isinstance(done.error, Refused)


def _check_disk(watcher: Watcher, done: Attempt, step: Step, fault: Fault, confirmed: bool) -> None:
    """(c): until the confirmation was asked for, nothing that a start of Jenkins would read has changed; if it was undone, it never has."""
    if fault is Fault.SECOND_OPERATOR and not confirmed:
        return  # the other operator's change was confirmed
    asked = done.began.get(Step.CONFIRM, float("inf")) if confirmed or fault in DISKS else float("inf")
    for name in (*OURS, *(() if fault in FORMS else (SETTINGS,))):
        early = [one for one in watcher.changes(name) if one.when < asked]
        assert len(early) == 1, f"{name} changed before the confirmation: {[one.text for one in early]}"


def _check_sessions(bench: Bench, visitors: list[Browser], after: Standing) -> None:
    """(d): sessions that the gate of the trial let in are challenged again, unless the gate that stands now lets them in."""
    exempt = after.gate.exempt_groups if after.gate else frozenset()
    with bench.enforcing():
        for visitor, group in zip(visitors, ("robots", "auditors"), strict=True):
            assert visitor.status() == (200 if group in exempt else 302), visitor.name


def _check_outcome(
    bench: Bench, ordered: Order, before: Standing, after: Standing, step: Step, fault: Fault, confirmed: bool, done: Attempt
) -> None:
    assert after.live == after.memory.enabled == after.disk.enabled
    if fault is Fault.OTHER_FORM:
        assert after.memory == after.disk
        assert after.memory.sender == OTHER_SENDER  # what the administrator changed stays
        assert after.memory.enabled == (before.memory.enabled or confirmed)
        assert after.gate == (ordered.desired.gate if confirmed else before.gate)
    elif fault is Fault.SECOND_OPERATOR and not confirmed:
        theirs = ALONE_BY_MAIL if bench.seeded else THIRD
        assert (after.memory, after.gate) == (theirs.plugin, theirs.gate)
        assert after.gate == after.stored
    elif confirmed:
        assert not make_plan(bench.observe(), ordered.desired, ordered.gate_code).changes
        assert after.owner == ordered.owner
    elif fault is Fault.SAME_FORM:
        assert replace(after, disk=without_mail(after.disk), memory=without_mail(after.memory)) == before
    else:
        assert after == before
        assert stored_settings(_read(bench)) == without_mail(before.disk)


def _read(bench: Bench) -> str | None:
    path = bench.jenkins.home / SETTINGS
    return path.read_text() if path.exists() else None
