"""What reconciles remember: unexpected answers around a restart, several processes, proofs that expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from jenkins2fa.controller.instance.subject import DOUBT_SECONDS, PROBE_SECONDS, Memory, RememberedProof
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.observation import GateState, Observation
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.errors import (
    ChallengedBySecondFactor,
    Forbidden,
    JenkinsError,
    MultipleReplicas,
    ProtocolError,
    Redirected,
    Starting,
    Unauthorized,
    Unreachable,
)

ODD_ANSWERS: list[Callable[[], JenkinsError]] = [
    lambda: Unauthorized("401"),
    lambda: Redirected("302"),
    lambda: ChallengedBySecondFactor("302"),
    lambda: ProtocolError("500", transient=True),
]


def observation(session: str = "a") -> Observation:
    return Observation(version="2.541.3", session=session, identity="i", user="admin")


def known(now: float = 0.0) -> Memory:
    memory = Memory("uid")
    memory.note_observation(observation(), now)
    return memory


@pytest.mark.parametrize("odd", ODD_ANSWERS)
def test_unexpected_answer_of_a_controller_that_worked_counts_as_a_restart_for_a_while(odd: Callable[[], JenkinsError]) -> None:
    memory = known()
    assert isinstance(memory.interpret(odd(), 100.0), Starting)
    assert isinstance(memory.interpret(odd(), 100.0 + DOUBT_SECONDS - 1), Starting)
    assert type(memory.interpret(odd(), 100.0 + DOUBT_SECONDS)) is type(odd())


def test_a_good_answer_ends_the_grace_after_a_restart() -> None:
    memory = known()
    memory.interpret(Unauthorized("401"), 100.0)
    memory.note_observation(observation(), 105.0)
    assert isinstance(memory.interpret(Unauthorized("401"), 200.0), Starting), "another grace period begins"


@pytest.mark.parametrize("odd", ODD_ANSWERS)
def test_unexpected_answer_of_a_controller_that_never_worked_is_reported_as_it_is(odd: Callable[[], JenkinsError]) -> None:
    assert type(Memory("uid").interpret(odd(), 0.0)) is type(odd())


def test_a_missing_right_does_not_count_as_a_restart() -> None:
    assert isinstance(known().interpret(Forbidden("403"), 0.0), Forbidden)


def test_401_soon_after_503_or_silence_counts_as_the_restart() -> None:
    for before in (Starting("503"), Unreachable("refused")):
        memory = known()
        memory.interpret(Unauthorized("401"), 0.0)
        memory.interpret(before, 30.0)
        assert isinstance(memory.interpret(Unauthorized("401"), 40.0), Starting)


def test_one_restart_does_not_count_as_a_second_replica() -> None:
    memory = Memory("uid")
    for session in "aabbbccc":
        memory.note_observation(observation(session), 0.0)


def test_replicas_that_answer_in_turn_are_detected_and_remembered() -> None:
    memory = Memory("uid")
    memory.note_observation(observation("a"), 0.0)
    memory.note_observation(observation("b"), 1.0)
    for session in "ababab":
        with pytest.raises(MultipleReplicas):
            memory.note_observation(observation(session), 2.0)


def test_single_replica_counts_again_after_some_observations() -> None:
    memory = Memory("uid")
    memory.note_observation(observation("a"), 0.0)
    memory.note_observation(observation("b"), 0.0)
    outcomes = []
    for _ in range(8):
        try:
            memory.note_observation(observation("a"), 0.0)
            outcomes.append("fine")
        except MultipleReplicas:
            outcomes.append("replicas")
    assert outcomes == ["replicas"] * 5 + ["fine"] * 3


def test_replicas_met_by_a_change_are_reported_even_if_observations_reach_only_one() -> None:
    memory = known()
    memory.note_several_processes()
    for _ in range(4):
        with pytest.raises(MultipleReplicas):
            memory.note_observation(observation(), 1.0)
    memory.note_observation(observation(), 2.0)


@pytest.mark.parametrize(
    ("session", "digest", "age", "holds"),
    [("a", "d", 0.0, True), ("a", "d", PROBE_SECONDS, False), ("b", "d", 0.0, False), ("a", "other", 0.0, False)],
)
def test_a_proof_is_valid_for_one_run_one_state_and_ten_minutes(session: str, digest: str, age: float, holds: bool) -> None:
    memory = Memory("uid", proof=RememberedProof(Proof.CHALLENGED, "a", "d", 100.0))
    assert memory.proof_for(session, digest, 100.0 + age) is (memory.proof if holds else None)


def test_another_url_invalidates_everything_remembered() -> None:
    memory = Memory("uid")
    memory.connect(Connection("https://balancer.example.com/", None))
    for session in ("a", "b"):
        memory.note_observation(observation(session), 0.0)
    with pytest.raises(MultipleReplicas):
        memory.note_observation(observation("a"), 1.0)
    memory.connect(Connection("https://one.example.com/", None))
    memory.note_observation(observation("a"), 2.0)  # the URL was corrected, so the former processes do not count
    memory.connect(Connection("https://one.example.com/", None))
    memory.note_observation(observation("b"), 3.0)
    with pytest.raises(MultipleReplicas):
        memory.note_observation(observation("a"), 4.0)


def test_a_script_is_due_first_after_a_restart_for_another_account_and_every_ten_minutes() -> None:
    memory = Memory("uid")
    assert memory.is_script_due(0.0)
    memory.note_observation(observation(), 1.0)
    memory.note_observation(replace(observation(), by_gate=True), 2.0)
    assert not memory.is_script_due(1.0 + PROBE_SECONDS - 1)
    assert memory.is_script_due(1.0 + PROBE_SECONDS), "what the gate has answered does not count"
    memory.note_observation(observation(), 700.0)
    memory.note_observation(replace(observation("b"), by_gate=True), 701.0)
    assert memory.is_script_due(702.0), "another run of Jenkins"
    memory.note_observation(observation("b"), 703.0)
    memory.connect(Connection("https://jenkins.example.com/", Credentials("another", "token")))
    assert memory.is_script_due(704.0), "another account"


@pytest.mark.parametrize(
    ("observations", "reported"),
    [
        ((("a", 0), ("a", 1), ("a", 1), ("a", 3)), [False, True, False, True]),
        ((("a", 2), ("a", 2)), [False, False]),  # from before this process: reported by the one before
        ((("a", 2), ("b", 0), ("b", 1)), [False, False, True]),
        ((("a", 2), ("b", 1)), [False, True]),  # a new run counts from zero
        ((("a", 2), ("a", 0), ("a", 1)), [False, False, True]),  # the gate was removed in between, and installed again
    ],
)
def test_actions_of_the_gate_are_reported_once(observations: tuple[tuple[str, int], ...], reported: list[bool]) -> None:
    memory = Memory("uid")
    found = []
    for session, times in observations:
        memory.note_observation(replace(observation(session), gate=GateState(put_back=times, limited_answers=times)), 0.0)
        found.append(memory.gate_events.put_back.take())
        assert memory.gate_events.limited.take() is found[-1]
    assert found == reported
    assert not memory.gate_events.put_back.take()
