"""A change of a controller, as a protocol: begin a trial, read it back, probe, confirm, observe again.

The steps are enumerated, so that a test can break each of them. Whatever fails before the confirmation, Jenkins' own timer restores the
former settings; cancelling the trial only makes that happen sooner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import Layer, Plan, make_plan
from jenkins2fa.jenkins.console import Runs
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import (
    ChangeUndone,
    ConfirmedUnobserved,
    JenkinsError,
    MultipleReplicas,
    ProtocolError,
    Refused,
    Starting,
    Unreachable,
)


class Step(StrEnum):
    """In this order. Disk changes in ``CONFIRM`` only."""

    BEGIN = "begin"
    READ_BACK = "read-back"
    PROBE = "probe"
    CONFIRM = "confirm"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Order:
    """A change to carry out.

    ``trial``: a new random id; ``gate_code``: the SHA-256 of this operator's resident script; ``corrects``: the fields whose drift it
    corrects."""

    trial: str
    desired: Desired
    gate_code: str
    owner: Owner | None = None
    deletion: DeletionPolicy = DeletionPolicy.RETAIN
    with_gate: bool = True
    take_over: str | None = None
    groups: frozenset[str] = frozenset()
    corrects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A controller after a confirmed change. ``plan``: what still differs, nothing after a success."""

    observation: Observation
    plan: Plan
    proof: Proof


Announce = Callable[[Step], None]
OBSERVATIONS_FOR_REPLICAS = 4


def carry_out(connect: Callable[[], Driver], order: Order, announce: Announce = lambda step: None, writer: Driver | None = None) -> Result:
    """Carries out an order. What was written is always read back through a new connection.

    ``connect``: opens a new connection; ``announce``: called before each step; ``writer``: an open driver to begin with, which stays open
    (None = a new one).

    Raises ChangeUndone when a check failed, MultipleReplicas when several processes answered, Refused when our script refused, or the
    JenkinsError that stopped the change. In each of these cases, Jenkins is as before, or will be within a minute. There is one exception:
    if the answer to the confirmation is lost and Jenkins cannot be reached again, only the next observation shows how the change ended."""
    with contextlib.nullcontext(writer) if writer else contextlib.closing(connect()) as writer:
        announce(Step.BEGIN)
        _verify_early(writer, order)
        try:
            _begin(writer, order)
            with contextlib.closing(connect()) as reader:
                announce(Step.READ_BACK)
                _read_back(reader, order)
                announce(Step.PROBE)
                proof = _probe(reader, order)
                announce(Step.CONFIRM)
                _confirm(reader, order)
                announce(Step.VERIFY)
                observation = _observe_again(reader, order)
        except (Refused, ConfirmedUnobserved):
            raise  # nothing of ours is pending
        except JenkinsError as problem:
            _undo_now(writer, order)
            if isinstance(problem, ChangeUndone) and _several_processes_answer(connect):
                raise MultipleReplicas from problem
            raise
    return Result(observation, make_plan(observation, order.desired, order.gate_code), proof)


def _observe_again(driver: Driver, order: Order) -> Observation:
    try:
        return driver.observe(groups=order.groups)
    except JenkinsError as problem:
        raise ConfirmedUnobserved(f"the change is confirmed, but Jenkins could not be observed afterwards: {problem}") from problem


def _verify_early(driver: Driver, order: Order) -> None:
    """Without a gate the operator itself is challenged once 2FA is on.

    So its second factor is tried before anything changes, and not within the trial's minute."""
    if order.desired.enforcing and order.desired.gate is None:
        driver.verify_early()


def _begin(driver: Driver, order: Order) -> None:
    try:
        driver.begin(
            order.trial,
            order.desired,
            order.owner,
            order.deletion,
            with_gate=order.with_gate,
            take_over=order.take_over,
            corrects=order.corrects,
        )
    except (Unreachable, ProtocolError, Starting) as problem:
        if driver.observe().trial.pending != order.trial:  # a write is never repeated
            raise ChangeUndone(f"the change did not begin: {problem}") from problem


def _read_back(driver: Driver, order: Order) -> None:
    observation = driver.observe(groups=order.groups)
    if observation.trial.pending != order.trial:
        raise ChangeUndone(f"the trial ended too early ({observation.trial.last_outcome or 'no trace of it'})")
    running = (Layer.MEMORY, Layer.LIVE, Layer.GATE)
    differing = [change for change in make_plan(observation, order.desired, order.gate_code).changes if change.layer in running]
    if differing:
        raise ChangeUndone(
            f"the controller reads back other values than were written: {', '.join(sorted({change.path for change in differing}))}; "
            "another program or person may be changing them now"
        )


def _probe(driver: Driver, order: Order) -> Proof:
    if not order.desired.enforcing:
        return Proof.NONE
    proof = driver.probe()
    if proof is Proof.BYPASSED:
        raise ChangeUndone(
            "all settings were read back as on, but a request that must be challenged got through: is the plugin's filter in place?"
        )
    return proof


def _confirm(driver: Driver, order: Order) -> None:
    try:
        outcome = driver.confirm(order.trial)
    except (Unreachable, ProtocolError, Starting) as problem:
        outcome = _settle(driver, order, problem)
    if outcome != "Confirmed":
        raise ChangeUndone(f"the trial was over before it could be confirmed ({outcome})")


def _settle(driver: Driver, order: Order, problem: JenkinsError) -> str:
    """A lost answer to the confirmation: Jenkins knows how it ended, and confirming twice is harmless.

    After a restart only the settings show it."""
    observation = driver.observe()
    if observation.trial.pending == order.trial:
        return driver.confirm(order.trial)
    if observation.trial.last == order.trial and observation.trial.last_outcome == "confirmed":
        return "Confirmed"
    if observation.owner == order.owner is not None and not make_plan(observation, order.desired, order.gate_code).changes:
        return "Confirmed"
    raise ChangeUndone(f"the confirmation was lost and the change is undone: {problem}") from problem


def _undo_now(driver: Driver, order: Order) -> None:
    with contextlib.suppress(JenkinsError):
        driver.cancel(order.trial)


def _several_processes_answer(connect: Callable[[], Driver]) -> bool:
    """Whether several processes answer: each new connection may reach another one."""
    runs = Runs()
    with contextlib.suppress(JenkinsError):
        for _ in range(OBSERVATIONS_FOR_REPLICAS):
            with contextlib.closing(connect()) as driver:
                if runs.note(driver.observe().session):
                    return True
    return False
