"""A take-over annotation is valid once, and a failure says what to expect."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from jenkins2fa.api.instance import InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Metadata
from jenkins2fa.controller.instance.subject import Memory, Subject
from jenkins2fa.core.observation import Owner
from jenkins2fa.jenkins.errors import Starting, Unauthorized

FORMER = Owner("other", "instance")


def subject(word: str | None, memory: Memory) -> Subject:
    annotations = MappingProxyType({TAKE_OVER: word} if word else {})
    meta = Metadata("team", "build", uid="mine", annotations=annotations)
    return Subject({}, JenkinsInstance(meta, InstanceSpec(url="https://jenkins.example.com/", credentials="admin")), None, memory)


def still_valid(word: str | None, memory: Memory) -> bool:
    return TAKE_OVER in subject(word, memory).without_processed_take_over().instance.meta.annotations


def test_a_take_over_annotation_is_valid_for_one_take_over() -> None:
    memory = Memory("mine")
    assert [still_valid(FORMER.name, memory), still_valid(FORMER.name, memory)] == [True, True]
    subject(FORMER.name, memory).took_over_from(FORMER)
    assert [still_valid(FORMER.name, memory), still_valid(FORMER.name, memory)] == [False, False]


@pytest.mark.parametrize("between", [None, "somebody/else"])
def test_a_take_over_annotation_set_again_is_valid_again(between: str | None) -> None:
    memory = Memory("mine")
    subject(FORMER.name, memory).took_over_from(FORMER)
    assert still_valid(between, memory) == (between is not None)
    assert still_valid(FORMER.name, memory)


@pytest.mark.parametrize("before", [None, Owner("mine", "instance")])
def test_a_change_without_a_take_over_does_not_use_up_the_annotation(before: Owner | None) -> None:
    memory = Memory("mine")
    subject(FORMER.name, memory).took_over_from(before)
    assert still_valid(FORMER.name, memory)


def test_the_message_about_a_starting_controller_says_to_wait() -> None:
    memory = Memory("mine")
    failure = subject(None, memory).failure(Starting("Jenkins is starting or restarting (503)"), 0.0)
    assert failure.message.startswith("Jenkins is starting or restarting (503): no action required, it is observed every second")
    memory.last_good, memory.starting = 0.0, False
    odd = subject(None, memory).failure(Unauthorized("401"), 0.0)
    assert (odd.reason, "every second" in odd.message) == ("Starting", False)  # that is observed less often, since it sends credentials
