"""A policy, a Jenkins, and what one has to say to the other: what ``plan``, ``apply`` and the commands for many begin with."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.cli.errors import fail
from jenkins2fa.cli.options import JenkinsOptions, gate_option, jenkins_options, premium_option
from jenkins2fa.cli.target import Target, load_manifests, read_policy, read_target
from jenkins2fa.core.assess import Assessment, assess
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.target import gate_code_for


@dataclass(frozen=True, slots=True)
class Question:
    """Which policy of which files is meant for which Jenkins. ``gate``: gate.mode where the files hold no instance; None = no gate."""

    files: tuple[str, ...]
    jenkins: JenkinsOptions
    gate: str | None
    policy: str | None
    premium: bool


def question_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the files and the options; the command gets them as ``question``."""

    @functools.wraps(command)
    def with_question(**given: Any) -> Any:
        names = ("files", "jenkins", "gate", "policy", "premium")
        return command(question=Question(**{name: given.pop(name) for name in names}), **given)

    wrapped: Callable[..., Any] = with_question
    wrapped = click.option("--policy", help="The policy's name, where the files hold several.")(wrapped)
    wrapped = gate_option(premium_option(wrapped))
    return click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-...")(jenkins_options(wrapped))


@dataclass(frozen=True, slots=True)
class Look:
    """A policy, a Jenkins, and what one has to say to the other."""

    policy: TwoFactorPolicy
    target: Target
    observation: Observation
    assessment: Assessment


def look_at(question: Question, take_over: str | None = None) -> Look:
    """Reads files and Jenkins; exits with one line and code 1 when that cannot be done."""
    manifests = load_manifests(question.files)
    policy, target = read_policy(manifests, question.policy), read_target(manifests, question.jenkins, question.gate)
    with contextlib.closing(driver_for(target.connection)) as driver:
        try:
            observation = driver.observe(groups=policy.spec.enforced_groups or (), users=True, exempt=policy.spec.exempt_groups)
        except JenkinsError as problem:
            fail(f"{problem.reason}: {problem}")
    return look_through(policy, target, observation, take_over, premium=question.premium)


def look_through(
    policy: TwoFactorPolicy,
    target: Target,
    observation: Observation,
    take_over: str | None = None,
    cluster: str = COMMAND_LINE,
    *,
    premium: bool = False,
) -> Look:
    """The same for an observation that is there already."""
    code = gate_code_for(policy.spec, target.instance.spec, observation.user)
    account = target.connection.credentials
    found = assess(
        policy,
        target.instance,
        observation,
        code,
        cluster=cluster,
        now=datetime.now(UTC),
        take_over=take_over,
        second_factor_login=account is not None and account.second_factor_seed is not None,
        premium=premium,
    )
    return Look(policy, target, observation, found)
