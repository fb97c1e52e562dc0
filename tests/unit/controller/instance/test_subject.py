"""A word that lets an operator take a Jenkins over is good for once; and nothing is timed by the time of day, which may jump."""

from __future__ import annotations

import ast
from pathlib import Path
from types import MappingProxyType

import pytest

from jenkins2fa.api.instance import InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Metadata
from jenkins2fa.controller.instance.subject import Memory, Subject
from jenkins2fa.core.observation import Owner
from jenkins2fa.jenkins.errors import Starting, Unauthorized

PACKAGE = Path(__file__).resolve().parents[3] / "operator" / "jenkins2fa"
FORMER = Owner("other", "instance")


def subject(word: str | None, memory: Memory) -> Subject:
    annotations = MappingProxyType({TAKE_OVER: word} if word else {})
    meta = Metadata("team", "build", uid="mine", annotations=annotations)
    return Subject({}, JenkinsInstance(meta, InstanceSpec(url="https://jenkins.example.com/", credentials="admin")), None, memory)


def heeds(word: str | None, memory: Memory) -> bool:
    return TAKE_OVER in subject(word, memory).without_processed_take_over().instance.meta.annotations


def test_a_word_is_heeded_until_it_has_led_to_a_take_over() -> None:
    memory = Memory("mine")
    assert [heeds(FORMER.name, memory), heeds(FORMER.name, memory)] == [True, True]
    subject(FORMER.name, memory).took_over_from(FORMER)
    assert [heeds(FORMER.name, memory), heeds(FORMER.name, memory)] == [False, False]


@pytest.mark.parametrize("between", [None, "somebody/else"])
def test_it_counts_again_when_it_was_taken_away_and_given_anew(between: str | None) -> None:
    memory = Memory("mine")
    subject(FORMER.name, memory).took_over_from(FORMER)
    assert heeds(between, memory) == (between is not None)
    assert heeds(FORMER.name, memory)


@pytest.mark.parametrize("before", [None, Owner("mine", "instance")])
def test_a_change_of_what_was_not_taken_over_spends_nothing(before: Owner | None) -> None:
    memory = Memory("mine")
    subject(FORMER.name, memory).took_over_from(before)
    assert heeds(FORMER.name, memory)


def test_who_reads_that_a_jenkins_starts_is_told_to_wait() -> None:
    memory = Memory("mine")
    told = subject(None, memory).failure(Starting("Jenkins is starting or restarting (503)"), 0.0)
    assert told.message.startswith("Jenkins is starting or restarting (503): no action required, it is observed every second")
    memory.last_good, memory.starting = 0.0, False
    odd = subject(None, memory).failure(Unauthorized("401"), 0.0)
    assert (odd.reason, "every second" in odd.message) == ("Starting", False)  # that is looked at less often: it sends credentials


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_durations_come_from_a_clock_that_cannot_jump(file: Path) -> None:
    """`time.time` is the time of day: what it measures is wrong by whatever the clock is set by. Only one-time codes need it."""
    named = [ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)]
    assert named.count("time.time") == (1 if file.name == "flow.py" else 0)
