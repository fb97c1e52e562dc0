"""Interleavings of operator, second operator, administrator, restarts and clock, against a small model of what must be there.

The operator changes Jenkins with a gate and without one, and opens break-glass with and without a start-up script of ours.

Limited and deterministic by default; JENKINS2FA_PROTOCOL_EXAMPLES=200 searches longer, with another seed each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.desired import Desired
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, Refused
from tests.support.actions import take_gate_out
from tests.support.protocol_bench import ALONE, FIRST, SECOND, Bench, order
from tests.support.protocol_model import Fields, Model, actual_state

EXAMPLES = int(os.environ.get("JENKINS2FA_PROTOCOL_EXAMPLES", "0"))
FORMS = (Fields(), Fields(True, True), Fields(True, True, "carol@lab.invalid"), Fields(True, False), Fields(False, True))
FORM = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
c.saveMoGlobalConfigViewForm(net.sf.json.JSONObject.fromObject('''FORM'''))"""
SETTER = "io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableTfa(ON)"
TIMER = "jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa').NAME.run()"
GATE_LOOKS = "jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa')?.watch?.look()"
LONGEST = timedelta(hours=24)
LET_IN = """io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false
def timer = jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa')?.trialTimer
if (timer != null) timer.run()
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as started:
        yield started


class Machine(RuleBasedStateMachine):
    """Every rule does one thing to Jenkins and to the model, and compares what came back."""

    bench: ClassVar[Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench.jenkins.groovy(LET_IN)
        self.bench.make_virgin()
        self.model = Model()
        self.names: list[str] = []
        self.visitors = {
            group: self.bench.jenkins.browser(name, f"{name}-pw-1") for name, group in (("robot", "robots"), ("eve", "auditors"))
        }
        self.marked_by_a_lost_gate = False
        self.driver: Driver | None = None
        self.alone: Driver | None = None

    def teardown(self) -> None:
        """Whatever is pending undoes itself, and the operator is never locked out by its own change."""
        if self.model.trial:
            self.time_is_up()
            self.as_the_model_says()
        for driver in (self.driver, self.alone):
            if driver:
                driver.close()

    @contextlib.contextmanager
    def operator(self) -> Iterator[Driver | None]:
        """A driver: one that the gate lets in or, where the model says that this is challenged (and it is), one that passes the second
        factor by itself. None where neither gets in."""
        if self.driver is None:
            self.driver = self.bench.connect(600, through_door=False)
        if self.model.world.let_in:
            yield self.driver
            return
        with pytest.raises(ChallengedBySecondFactor):
            self.driver.observe()
        if self.alone is None:
            self.alone = self.bench.connect(600, seeded=True)
        yield self.alone if self.model.world.operator_gets_in else None

    @precondition(lambda self: self.model.world.operator_gets_in)
    @rule(desired=st.sampled_from((FIRST, SECOND, ALONE)), manager=st.sampled_from(("one", "one", "two")))
    def begin(self, desired: Desired, manager: str) -> None:
        with self.operator() as driver:
            if driver is None:
                return
            ordered = order(desired, manager)
            refusal = self.model.begin(ordered.trial, ordered.desired, manager)
            with pytest.raises(Refused) if refusal else contextlib.nullcontext() as caught:
                driver.begin(ordered.trial, ordered.desired, ordered.owner, ordered.deletion, with_gate=ordered.with_gate, take_over=None)
            assert not refusal or (caught and caught.value.type == refusal)
            self.names.append(ordered.trial)

    @precondition(lambda self: self.model.trial and self.model.world.operator_gets_in)
    @rule()
    def confirm(self) -> None:
        self.end(keep=True, back=0)

    @precondition(lambda self: self.names and self.model.world.operator_gets_in)
    @rule(keep=st.booleans(), back=st.sampled_from((0, 1, 2)))
    def end(self, keep: bool, back: int) -> None:
        """Confirm or cancel the last trial, or repeat or belatedly send this for an earlier one."""
        name = self.names[-1 - min(back, len(self.names) - 1)]
        with self.operator() as driver:
            if driver is None:
                return
            expected = self.model.confirm(name) if keep else self.model.cancel(name)
            assert (driver.confirm(name) if keep else driver.cancel(name)) == expected

    @precondition(lambda self: self.model.trial)
    @rule()
    def time_is_up(self) -> None:
        self.bench.jenkins.groovy(TIMER.replace("NAME", "trialTimer"))
        self.model.undo()

    @precondition(lambda self: self.model.world.operator_gets_in)
    @rule(keep=st.booleans())
    def open_break_glass(self, keep: bool) -> None:
        """An open one may be opened again for another reason."""
        with self.operator() as driver:
            if driver is None:
                return
            assert driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), secrets.token_hex(4), LONGEST, keep=keep)
            self.model.glass_is_opened(keep=keep)

    @precondition(lambda self: self.model.world.note and self.model.world.operator_gets_in)
    @rule(by=st.sampled_from(("timer", "operator")))
    def break_glass_is_over(self, by: str) -> None:
        with self.operator() as driver:
            if by == "timer" and self.model.world.glass:
                self.bench.jenkins.groovy(TIMER.replace("NAME", "breakGlassTimer"))
            elif driver is not None:
                driver.close_break_glass()
            self.model.glass_is_over()

    @rule(kill=st.sampled_from((False, False, False, True)))
    def restart(self, kill: bool) -> None:
        self.bench.crash() if kill else self.bench.jenkins.restart()
        self.model.restart()
        self.marked_by_a_lost_gate = False

    @rule(form=st.sampled_from(FORMS), by=st.sampled_from(("form", "form", "script", "chain")))
    def somebody_meddles(self, form: Fields, by: str) -> None:
        """An administrator saves the plugin's form; a snippet sets memory only; something takes our filter out of the chain."""
        if by == "form":
            wanted: dict[str, object] = {"enableTfa": form.enabled, "enableSecurityQuestion": form.questions}
            if form.sender:
                wanted["enableOtpOverEmail"] = {"senderEmailAddress": form.sender}
            self.bench.jenkins.groovy(FORM.replace("FORM", json.dumps(wanted)))
            self.model.administrator_saves(form)
        elif by == "script":
            self.bench.jenkins.groovy(SETTER.replace("ON", str(form.enabled).lower()))
            self.model.script_sets(enabled=form.enabled)
        elif self.model.world.in_chain:
            take_gate_out(self.bench.jenkins)
            self.model.gate_is_taken_out()
            self.marked_by_a_lost_gate = True

    @precondition(lambda self: not self.model.world.operator_gets_in)
    @rule()
    def administrator_switches_off(self) -> None:
        self.somebody_meddles(form=Fields(), by="form")

    @precondition(lambda self: self.model.world.operator_gets_in)
    @rule()
    def release(self) -> None:
        with self.operator() as driver:
            if driver is None:
                return
            driver.release(DeletionPolicy.DISABLE)
            self.model.release()
            self.marked_by_a_lost_gate = False

    @invariant()
    def as_the_model_says(self) -> None:
        """After the gate has looked for its place, as it does every second."""
        self.bench.jenkins.groovy(GATE_LOOKS)
        self.model.gate_restores_itself()
        assert actual_state(self.bench.jenkins) == self.model.world

    @invariant()
    def operator_sees_the_same(self) -> None:
        with self.operator() as driver:
            if driver is None:
                return
            seen = driver.observe()
            assert (seen.trial.pending, seen.live or False) == (self.model.world.pending, self.model.world.live)
            assert (seen.break_glass_until is not None) is self.model.world.glass

    @invariant()
    def an_administrator_gets_in(self) -> None:
        if self.model.world.memory.questions or not self.model.world.challenged:
            assert self.bench.administrator()

    @invariant()
    def nobody_stays_in_by_a_gate_that_is_gone(self) -> None:
        """A gate removed by somebody else leaves its session attributes until it is back or Jenkins restarts: that is drift."""
        world = self.model.world
        if self.marked_by_a_lost_gate and not world.in_chain:
            return
        for group, visitor in self.visitors.items():
            exempt = world.in_chain and group in (world.gate or ())
            assert visitor.status() == (200 if exempt or not world.challenged else 302), group


@pytest.mark.timeout(60 + 30 * EXAMPLES if EXAMPLES else 400)
def test_every_interleaving_matches_the_model(bench: Bench) -> None:
    Machine.bench = bench
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES or 6,
            stateful_step_count=14,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
