"""Options that several commands share, and the controller and the policy that they name."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_instance, parse_policy
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.rules import instance_problems
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.cli.manifests import POLICY_KINDS, Manifest
from jenkins2fa.jenkins.connection import Connection, Credentials, seed_problem

SEED_VARIABLE = "JENKINS_SECOND_FACTOR_SEED"


@dataclass(frozen=True, slots=True)
class JenkinsOptions:
    """The controller and the account that the options name; None = not given.

    ``url_by_environment``: the URL comes from JENKINS_URL. Every Jenkins build sets that variable, so files take precedence."""

    url: str | None = None
    username: str | None = None
    token_file: str | None = None
    second_factor_seed_file: str | None = None
    ca_file: str | None = None
    url_by_environment: bool = False

    def credentials(self) -> Credentials:
        """The account. Raises CommandError if its name, token or seed is missing or unreadable."""
        if not self.username:
            raise CommandError("no account: give --username, or set JENKINS_USER")
        token = read_secret("--token-file", self.token_file) if self.token_file else os.environ.get("JENKINS_TOKEN", "").strip()
        if not token:
            raise CommandError("no API token: give --token-file FILE, or set JENKINS_TOKEN")
        return Credentials(self.username, token, read_seed(self.second_factor_seed_file))


seed_option = click.option(
    "--second-factor-seed-file",
    type=click.Path(),
    metavar="FILE",
    help="File with the seed of the account's answers to security questions ('-' = standard input). Needed only without a gate. "
    "[env: JENKINS_SECOND_FACTOR_SEED]",
)

gate_option = click.option(
    "--gate",
    type=click.Choice([mode.value for mode in GateMode], case_sensitive=False),
    help="gate.mode of the controller. Default: that of the JenkinsInstance in the files; without one, None.",
)

policy_option = click.option("--policy", metavar="NAME", help="Name of the policy, if the files hold several.")

secrets_option = click.option(
    "--secrets",
    multiple=True,
    metavar="FILE|FOLDER|-",
    help="Secrets with the accounts of the instances in the files (repeatable). A value $(NAME) is read from the environment.",
)


def _url_option(explanation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--url", envvar="JENKINS_URL", metavar="URL", help=f"Root URL of the controller. {explanation}[env: JENKINS_URL]")


_ACCOUNT_OPTIONS = (
    click.option("--username", envvar="JENKINS_USER", metavar="NAME", help="Account with Administer. [env: JENKINS_USER]"),
    click.option(
        "--token-file",
        type=click.Path(),
        metavar="FILE",
        help="File with the account's API token ('-' = standard input). [env: JENKINS_TOKEN holds the token itself]",
    ),
    seed_option,
    click.option(
        "--ca-file", type=click.Path(), metavar="FILE", help="Certificate authority of the controller (PEM). Default: public authorities."
    ),
)


def jenkins_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that name a controller and an account, to a command without files; it gets them as ``jenkins``."""
    return _with_jenkins(command, _url_option(""))


def jenkins_options_beside_files(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command whose files may name the controller."""
    return _with_jenkins(command, _url_option("Overrides the spec.url in the files; JENKINS_URL does not. "))


def _with_jenkins(command: Callable[..., Any], url_option: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def with_jenkins(**parameters: Any) -> Any:
        names = ("url", "username", "token_file", "second_factor_seed_file", "ca_file")
        source = click.get_current_context().get_parameter_source("url")
        options = JenkinsOptions(**{name: parameters.pop(name) for name in names}, url_by_environment=source is ParameterSource.ENVIRONMENT)
        return command(jenkins=options, **parameters)

    wrapped: Callable[..., Any] = with_jenkins
    for option in reversed((url_option, *_ACCOUNT_OPTIONS)):
        wrapped = option(wrapped)
    return wrapped


def read_seed(file: str | None) -> str | None:
    """The seed of the second factor, from the option or the environment; None = the account has none. Raises CommandError."""
    seed = read_secret("--second-factor-seed-file", file) if file else os.environ.get(SEED_VARIABLE, "").strip()
    problem = seed_problem(seed) if seed or file else None
    if problem:
        raise CommandError(f"the seed of the second factor {problem}")
    return seed or None


def read_secret(option: str, file: str) -> str:
    """The content of a file that an option names, '-' = standard input. Raises CommandError."""
    try:
        return (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option} {file}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None


def read_ca(file: str | None) -> str | None:
    """The certificate authority that --ca-file names, as PEM. Raises CommandError."""
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--ca-file {file}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None


experimental_option = click.option(
    "--enable-experimental-premium",
    "experimental",
    is_flag=True,
    help="Also write to the plugin's premium edition, which is only read otherwise: it was not available for tests "
    "(docs/support-matrix.md).",
)


@dataclass(frozen=True, slots=True)
class Target:
    """The controller that a command line names."""

    instance: JenkinsInstance
    connection: Connection


def read_policy(manifests: list[Manifest], name: str | None) -> TwoFactorPolicy:
    """The only policy in the files, or the one called ``name``. Raises CommandError."""
    policies = [manifest for manifest in manifests if manifest.kind in POLICY_KINDS and name in (None, manifest.name)]
    if not policies:
        raise CommandError(f"the files hold no TwoFactorPolicy{f' called {name}' if name else ''}")
    if len(policies) > 1:
        raise CommandError(
            f"the files hold {len(policies)} policies ({', '.join(manifest.name for manifest in policies)}): choose one with --policy NAME"
        )
    return parse_policy(policies[0].body)


def read_target(manifests: list[Manifest], jenkins: JenkinsOptions, gate: str | None = None) -> Target:
    """The instance in the files, if there is one, with the options' values in place of its own."""
    instance = _instance(manifests, jenkins)
    if gate is not None:
        instance = replace(instance, spec=replace(instance.spec, gate=GateSpec(GateMode(gate))))
    return Target(instance, Connection(instance.spec.url, jenkins.credentials(), read_ca(jenkins.ca_file)))


def _instance(manifests: list[Manifest], jenkins: JenkinsOptions) -> JenkinsInstance:
    instances = [manifest for manifest in manifests if manifest.kind == "JenkinsInstance"]
    if len(instances) > 1:
        raise CommandError(
            f"the files hold {len(instances)} instances: give --secrets FILE with their accounts, or the files of one instance"
        )
    instance = parse_instance(instances[0].body) if instances else None
    if instance is not None and (not jenkins.url or jenkins.url_by_environment):
        return instance
    if not jenkins.url:
        raise CommandError("no controller: give --url, or a file with a JenkinsInstance")
    instance = instance or JenkinsInstance(Metadata("", ""), InstanceSpec(url="", credentials=""))
    spec = replace(instance.spec, url=jenkins.url.rstrip("/") + "/")
    problems = instance_problems(spec)
    if problems:
        raise CommandError(f"--url {InvalidObject(problems).problems[0].message}")
    return replace(instance, spec=spec)
