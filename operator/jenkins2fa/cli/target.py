"""What plan, apply and gate share: which policy, Jenkins and account. Secrets come from files or the environment, never as arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec, JenkinsInstance, parse_instance
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.policy import TwoFactorPolicy, parse_policy
from jenkins2fa.api.reading import InvalidObject
from jenkins2fa.api.rules import instance_problems
from jenkins2fa.cli.checking import check
from jenkins2fa.cli.manifests import Failure, Manifest, UnreadableFile, find_files, is_ours, read_manifests
from jenkins2fa.jenkins.http import Connection, Credentials
from jenkins2fa.jenkins.login import seed_problem

F = TypeVar("F", bound=Callable[..., Any])


class CannotGoOn(click.ClickException):
    """An error in one line; exit code 1."""


class _UsageErrorOne(click.UsageError):
    exit_code = 1


class OneOnError(click.Command):
    """A command whose exit code for wrong usage is 1, because 2 means something else there."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


@dataclass(frozen=True, slots=True)
class Target:
    """The Jenkins that a command line means."""

    instance: JenkinsInstance
    connection: Connection


SEED_FILE, SEED_VARIABLE = "jenkins2fa.second-factor-seed-file", "JENKINS_SECOND_FACTOR_SEED"


def _remember_seed_file(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    """Kept beside the parameters: commands pass on what they know, and none of them has to know of this one."""
    context.meta[SEED_FILE] = value


seed_option = click.option(
    "--second-factor-seed-file",
    type=click.Path(),
    expose_value=False,
    callback=_remember_seed_file,
    help="File with the seed of the account's answers to security questions ('-' = standard input), for a Jenkins without a gate; "
    "else the environment variable JENKINS_SECOND_FACTOR_SEED.",
)


def connection_options(command: F) -> F:
    """Adds the options that name a Jenkins and an account."""
    options = (
        click.option(
            "--url",
            envvar="JENKINS_URL",
            help="Root URL of the Jenkins; default: spec.url of the JenkinsInstance in the files. [env: JENKINS_URL, if they hold none]",
        ),
        click.option("--username", envvar="JENKINS_USER", help="Account with Administer. [env: JENKINS_USER]"),
        click.option(
            "--token-file",
            type=click.Path(),
            help="File with its API token ('-' = standard input); else the environment variable JENKINS_TOKEN.",
        ),
        seed_option,
        click.option("--ca-file", type=click.Path(), help="Certificate authority of the Jenkins (PEM); default: the usual authorities."),
    )
    for option in reversed(options):
        command = option(command)
    return command


gate_option = click.option(
    "--gate",
    type=click.Choice([mode.value for mode in GateMode], case_sensitive=False),
    help="gate.mode, where the files hold no JenkinsInstance. Default: Never.",
)


def read_policy(manifests: list[Manifest], name: str | None) -> TwoFactorPolicy:
    """The one policy that the files hold, or the one called ``name``."""
    found = [m for m in manifests if m.kind == "TwoFactorPolicy" and name in (None, m.name)]
    if not found:
        raise CannotGoOn(f"the files hold no TwoFactorPolicy{f' called {name}' if name else ''}")
    if len(found) > 1:
        raise CannotGoOn(f"the files hold {len(found)} policies ({', '.join(m.name for m in found)}): choose one with --policy NAME")
    return parse_policy(found[0].body)


def read_target(
    manifests: list[Manifest], url: str | None, username: str | None, token_file: str | None, ca_file: str | None, gate: str | None
) -> Target:
    """The instance from the files (if they hold one) with what the options say instead."""
    instance = _instance(manifests, url)
    if gate is not None:
        instance = replace(instance, spec=replace(instance.spec, gate=GateSpec(GateMode(gate), instance.spec.gate.strict)))
    return Target(instance, Connection(instance.spec.url, read_credentials(username, token_file), read_ca(ca_file)))


def read_credentials(username: str | None, token_file: str | None) -> Credentials:
    if not username:
        raise CannotGoOn("no account: give --username, or set JENKINS_USER")
    token = _read_secret("--token-file", token_file) if token_file else os.environ.get("JENKINS_TOKEN", "").strip()
    if not token:
        raise CannotGoOn("no API token: give --token-file FILE, or set JENKINS_TOKEN")
    return Credentials(username, token, read_seed())


def load_manifests(paths: tuple[str, ...]) -> list[Manifest]:
    """Our objects in the files; stops with every finding of ``jenkins2fa validate`` when there is one."""
    try:
        found = [one for file in find_files(paths) for one in read_manifests(file)]
    except UnreadableFile as error:
        raise CannotGoOn(str(error)) from None
    problems = [f"{one.file}:{one.line}: {one.message}" for one in found if isinstance(one, Failure)]
    ours = [one for one in found if isinstance(one, Manifest) and is_ours(one)]
    problems += [f"{f.file}:{f.line}: {f.path}: {f.message}" for one in ours for f in check(one)]
    if problems:
        raise CannotGoOn("\n".join(problems))
    return ours


def fail(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)


def _instance(manifests: list[Manifest], url: str | None) -> JenkinsInstance:
    found = [m for m in manifests if m.kind == "JenkinsInstance"]
    if len(found) > 1:
        raise CannotGoOn(f"the files hold {len(found)} instances: name the files of one, or none and --url")
    instance = parse_instance(found[0].body) if found else None
    if instance is not None and (not url or _is_from_the_environment("url")):
        return instance  # every build of a Jenkins has a JENKINS_URL, which is not the Jenkins that the files mean
    if not url:
        raise CannotGoOn("no Jenkins: give --url, or a file with a JenkinsInstance")
    instance = instance or JenkinsInstance(Metadata("", ""), InstanceSpec(url="", credentials=""))
    spec = replace(instance.spec, url=url.rstrip("/") + "/")
    problems = instance_problems(spec)
    if problems:
        raise CannotGoOn(f"--url {InvalidObject(problems).problems[0].message}")
    return replace(instance, spec=spec)


def _is_from_the_environment(parameter: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(parameter) is ParameterSource.ENVIRONMENT


def read_seed() -> str | None:
    """The seed of the second factor; None = the account has none."""
    context = click.get_current_context(silent=True)
    file = context.meta.get(SEED_FILE) if context else None
    seed = _read_secret("--second-factor-seed-file", file) if file else os.environ.get(SEED_VARIABLE, "").strip()
    problem = seed_problem(seed) if seed or file else None
    if problem:
        raise CannotGoOn(f"the seed of the second factor {problem}")
    return seed or None


def _read_secret(option: str, file: str) -> str:
    try:
        return (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotGoOn(f"{option} {file}: {getattr(error, 'strerror', None) or 'is not text'}") from None


def read_ca(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotGoOn(f"--ca-file {file}: {getattr(error, 'strerror', None) or 'is not text'}") from None
