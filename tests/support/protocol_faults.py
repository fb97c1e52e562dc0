"""Faults at the steps of a change. Each one carries out the order, does its harm, and returns what the operator received."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.errors import JenkinsError
from tests.support.protocol_bench import ALONE_BY_MAIL, OPERATOR, SEED, THIRD, WISHES, Bench, order
from tests.support.protocol_door import Rule
from tests.support.standin import CHECKOUT

SHORT = 3  # seconds of a trial that is never confirmed: enough for every step on a busy machine
OTHER_SENDER = "carol@lab.invalid"


class Fault(Enum):
    """Names for tests. "before": the step is not taken; "in flight": Jenkins carries it out, and the operator gets no reply."""

    NONE = "nothing"
    KILLED_BEFORE = "operator-killed-before"
    KILLED_IN_FLIGHT = "operator-killed-in-flight"
    CUT = "network-cut-before"
    ANSWER_LOST = "network-cut-in-flight"
    ANSWER_LOST_ONCE = "one-answer-lost"
    RESTART = "jenkins-restarts"
    CRASH = "jenkins-kill-9"
    SAME_FORM = "administrator-saves-the-same"
    OTHER_FORM = "administrator-saves-otherwise"
    SECOND_OPERATOR = "second-operator"
    QUIETING_DOWN = "quieting-down"
    READ_ONLY = "disk-read-only"
    FULL = "disk-full"


@dataclass(slots=True)
class Attempt:
    """What the operator received: a result, an error, or (killed) neither. ``began``: the monotonic time of each step."""

    result: Result | None = None
    error: JenkinsError | None = None
    began: dict[Step, float] = field(default_factory=dict)
    second: Result | JenkinsError | None = None


Witness = Callable[[Step], None]


def attempt(bench: Bench, ordered: Order, step: Step, fault: Fault, witness: Witness) -> Attempt:
    """Carry out ``ordered``; the fault strikes at ``step``. ``witness`` is called before every step."""
    if fault in (Fault.KILLED_BEFORE, Fault.KILLED_IN_FLIGHT):
        return _killed(bench, ordered, step, in_flight=fault is Fault.KILLED_IN_FLIGHT, witness=witness)
    done = Attempt()

    def announce(now: Step) -> None:
        done.began[now] = time.monotonic()
        witness(now)
        if bench.door.rule is Rule.SILENT:
            bench.door.turn(Rule.SHUT)
        if now is step:
            strike(bench, fault, done)

    seconds = SHORT if fault in (Fault.CUT, Fault.ANSWER_LOST) else 20
    try:
        done.result = carry_out(lambda: bench.connect(seconds), ordered, announce)
    except JenkinsError as problem:
        done.error = problem
    return done


def strike(bench: Bench, fault: Fault, done: Attempt) -> None:
    """Do the harm of faults that do not need a change in progress."""
    match fault:
        case Fault.CUT:
            bench.door.turn(Rule.SHUT)
        case Fault.ANSWER_LOST:
            bench.door.turn(Rule.SILENT)
        case Fault.ANSWER_LOST_ONCE:
            bench.door.lose_one()
        case Fault.RESTART:
            bench.jenkins.restart()
        case Fault.CRASH:
            bench.crash()
        case Fault.SAME_FORM:
            bench.administrator_saves(enabled=True, questions=True, sender=None)
        case Fault.OTHER_FORM:
            bench.administrator_saves(enabled=True, questions=True, sender=OTHER_SENDER)
        case Fault.SECOND_OPERATOR:
            done.second = _second_operator(bench)
        case Fault.QUIETING_DOWN:
            bench.jenkins.groovy("jenkins.model.Jenkins.get().doQuietDown()")
        case Fault.READ_ONLY:
            bench.make_read_only()
        case Fault.FULL:
            bench.fill_disk()
        case _:
            pass


def _second_operator(bench: Bench) -> Result | JenkinsError:
    """Another operator carries out its own complete change on its own connections."""
    try:
        return carry_out(lambda: bench.connect(through_door=False), order(ALONE_BY_MAIL if bench.seeded else THIRD, "two"))
    except JenkinsError as problem:
        return problem


def _killed(bench: Bench, ordered: Order, step: Step, *, in_flight: bool, witness: Witness) -> Attempt:
    done = Attempt()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.protocol_child"],
        cwd=CHECKOUT, env={"PYTHONPATH": f"{CHECKOUT}/operator:{CHECKOUT}"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    wish = next(name for name, desired in WISHES.items() if desired == ordered.desired)
    account = {"user": OPERATOR, "token": bench.jenkins.tokens[OPERATOR], "seed": SEED if bench.seeded else None}
    wanted = {"url": bench.door.url, **account, "seconds": SHORT, "trial": ordered.trial, "wish": wish}
    try:
        child.stdin.write(json.dumps(wanted) + "\n")
        child.stdin.flush()
        for line in child.stdout:
            now = Step(line.strip())
            done.began[now] = time.monotonic()
            witness(now)
            if now is step:
                break
            child.stdin.write("\n")
            child.stdin.flush()
        assert now is step, "the operator ended too early"
        if in_flight:
            bench.door.turn(Rule.SILENT)
            child.stdin.write("\n")
            child.stdin.flush()
            assert bench.door.answered.wait(5)
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    return done
