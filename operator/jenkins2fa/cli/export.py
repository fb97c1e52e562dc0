"""``jenkins2fa export``: the YAML that describes running controllers as they are. Reads only."""

from __future__ import annotations

import contextlib
import errno
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.policy import DeletionPolicy, Factor, PolicyMode
from jenkins2fa.api.rules import ADDRESS
from jenkins2fa.cli.controllers import Endpoint, parallel_option, read_list, run_parallel
from jenkins2fa.cli.errors import Command, CommandError, ExitCode
from jenkins2fa.cli.options import read_ca, read_seed, seed_option
from jenkins2fa.cli.yaml_writing import Content, Exported, PolicyContent, PolicyGroup, Spec, commented, files_of, groups_of, names_for
from jenkins2fa.core.observation import COMMAND_LINE, GateState, Observation
from jenkins2fa.core.plan import lacks_filter
from jenkins2fa.core.settings import GateSettings, PluginSettings, gate_configuration
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.scripts import gate_code


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A controller that could not be read, and why."""

    url: str
    why: str


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE|-...")
@click.option(
    "--username", envvar="JENKINS_USER", metavar="NAME", help="Account with Administer, if the list names none. [env: JENKINS_USER]"
)
@click.option(
    "--token-file",
    type=click.Path(),
    metavar="FILE",
    help="File with its API token ('-' = standard input). [env: JENKINS_TOKEN holds the token itself]",
)
@seed_option
@click.option(
    "--ca-file", type=click.Path(), metavar="FILE", help="Certificate authority of all controllers (PEM). It is exported as a ConfigMap."
)
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of the objects. Default: none.")
@click.option("--as-is", is_flag=True, help="Export the mode that is in force, instead of one that writes nothing.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False),
    help="Write files into this folder, instead of standard output: one per controller, and one per shared policy.",
)
@parallel_option
def export(
    sources: tuple[str, ...],
    username: str | None,
    token_file: str | None,
    second_factor_seed_file: str | None,
    ca_file: str | None,
    namespace: str | None,
    as_is: bool,
    output_dir: str | None,
    parallel: int,
) -> None:
    """Write the YAML that describes running controllers as they are. Reads only.

    For each controller: a TwoFactorPolicy, a JenkinsInstance, and a Secret without the token. Controllers with the same settings share one
    policy, which selects exactly them.

    If 2FA is on, the policy has mode: Audit. If it is off, it has mode: Disabled and suspend: true. Either way, applying the files changes
    nothing in Jenkins.

    A file has one URL per line or, with a heading, the columns url,username,token_file,token_env (CSV).

    \b
    Examples:
      jenkins2fa export https://ci.example.com/ -n team-a
      jenkins2fa export controllers.csv --output-dir manifests

    \b
    Exit codes: 0 every controller is described completely
                1 an error, some controller could not be read (see the
                  comments), or stopped by Ctrl-C
                3 some settings cannot be expressed (see the comments)
    """
    endpoints = read_list(sources, username, token_file, "account")
    authority, seed, names = read_ca(ca_file), read_seed(second_factor_seed_file), names_for(endpoint.url for endpoint in endpoints)

    def read(endpoint: Endpoint) -> Exported | Unreadable:
        connection = Connection(endpoint.url, replace(endpoint.credentials, second_factor_seed=seed), authority)
        return _read(connection, names[endpoint.url], as_is=as_is)

    started = time.monotonic()
    run = run_parallel(endpoints, read, parallel, "reading")
    seconds = time.monotonic() - started
    results = [
        result or Unreadable(endpoint.url, "stopped before it was read") for endpoint, result in zip(endpoints, run.results, strict=True)
    ]
    code = _write_and_count(results, seconds, namespace, output_dir)
    sys.exit(ExitCode.ERROR if run.stopped else code)


def _write_and_count(results: Sequence[Exported | Unreadable], seconds: float, namespace: str | None, output_dir: str | None) -> ExitCode:
    """Write everything, and return the exit code of a run that was not stopped."""
    exported = [result for result in results if isinstance(result, Exported)]
    groups = groups_of(exported)
    _write([result for result in results if isinstance(result, Unreadable)], files_of(exported, groups, namespace), output_dir)
    click.echo(f"{len(exported)} of {len(results)} controllers were read in {seconds:.1f} s. {_counted(groups)}", err=True)
    if len(exported) < len(results):
        return ExitCode.ERROR
    return ExitCode.NOT_ENFORCED if any(_incomplete(result) for result in exported) else ExitCode.AS_DESIRED


def _counted(groups: Sequence[PolicyGroup]) -> str:
    shared = [group for group in groups if group.shared]
    members = sum(len(group.members) for group in shared)
    return f"Policies: {len(groups)}, of which {len(shared)} for {members} controllers with the same settings."


def _incomplete(exported: Exported) -> bool:
    policy = exported.content.policy
    return bool(exported.content.gaps or (policy and policy.gaps))


def _read(connection: Connection, name: str, *, as_is: bool) -> Exported | Unreadable:
    assert connection.credentials is not None
    try:
        with contextlib.closing(driver_for(connection)) as driver:
            observation = driver.observe()
    except JenkinsError as problem:
        return Unreadable(connection.url, f"{problem.reason}: {problem}")
    except Exception as problem:  # an unexpected error costs its own controller only
        return Unreadable(connection.url, f"InternalError: {type(problem).__name__}")
    content = content_of(observation, gate_code, as_is=as_is)
    return Exported(name, connection.url, connection.credentials.username, content, connection.authority)


def _write(missing: Sequence[Unreadable], files: Mapping[str, str], folder: str | None) -> None:
    lines = [f"{controller.url} could not be read: {controller.why}" for controller in missing]
    for line in lines:
        click.echo(line, err=True)
    if folder is None:
        click.echo(commented(lines) + "".join(files.values()), nl=False)
        return
    try:
        _write_files(Path(folder), files)
    except FileExistsError as problem:
        raise CommandError(f"{problem.filename} exists already and is not overwritten: give another folder") from None
    except OSError as problem:
        raise CommandError(f"--output-dir {folder}: {problem.strerror}") from None


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write all of them, or none if one exists already. Raises FileExistsError, or another OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder / name for name in files):
        if path.is_symlink() or path.exists():
            raise FileExistsError(errno.EEXIST, "is there already", str(path))
    for name, content in files.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(content)


GateCode = Callable[[dict[str, Any] | None], str]
PLACEHOLDER_SENDER = "jenkins@example.invalid"


def content_of(observation: Observation, gate_code: GateCode, *, as_is: bool) -> Content:
    """What an observation shows, as fields of our custom resources.

    ``gate_code``: SHA-256 of our gate's file with the given configuration in it, or (None) without one. ``as_is``: keep the mode that is
    in force, instead of one that writes nothing."""
    owner = observation.owner.name if observation.owner and observation.owner.cluster != COMMAND_LINE else None
    if not observation.plugin.active or observation.memory is None:
        state = "disabled" if observation.plugin.installed else "not installed"
        return Content(
            None,
            None,
            (f"the plugin {observation.capabilities.plugin} is {state}: there is nothing that a policy could describe",),
            owner=owner,
        )
    gaps = list(_gaps(observation))
    gate = _gate(observation.gate, gate_code, gaps)
    return Content(_policy(observation, observation.memory, as_is), gate, tuple(gaps), tuple(_hints(observation)), owner)


def _policy(observation: Observation, settings: PluginSettings, as_is: bool) -> PolicyContent:
    gaps: list[str] = []
    hints: list[str] = []
    spec: Spec = {"mode": _mode(settings, as_is, gaps, hints).value}
    if spec["mode"] == PolicyMode.DISABLED and not as_is:
        spec["suspend"] = True
    rules = observation.gate.settings if observation.gate.installed else None
    spec |= _scope(rules, gaps) | _factors(settings, gaps) | _requests(rules)
    if observation.deletion in set(DeletionPolicy) and observation.deletion != DeletionPolicy.RETAIN:
        spec["deletionPolicy"] = str(observation.deletion)
    return PolicyContent(spec, tuple(gaps), tuple(hints))


def _mode(settings: PluginSettings, as_is: bool, gaps: list[str], hints: list[str]) -> PolicyMode:
    if not settings.enabled:
        if settings.enrolled_only:
            gaps.append(
                "the plugin challenges enrolled users only, and everyone else gets in with a password; a policy cannot express that: "
                "mode: Disabled challenges nobody, mode: Enforce everyone"
            )
        if not as_is:
            state = "2FA is not required" if settings.enrolled_only else "2FA is off"
            hints.append(
                f"{state}. The policy is suspended, so nothing is written; mode: Audit without suspend shows what enforcing would change"
            )
        return PolicyMode.DISABLED
    if not as_is:
        hints.append("2FA is on. Audit writes nothing; when `jenkins2fa plan` and the status show what you expect, set mode: Enforce")
        return PolicyMode.AUDIT
    if not settings.factors:
        gaps.append("2FA is on without any factor, so nobody is challenged. Enforce needs one, so this policy has mode: Audit")
        return PolicyMode.AUDIT
    return PolicyMode.ENFORCE


def _scope(rules: GateSettings | None, gaps: list[str]) -> Spec:
    scope: Spec = {}
    if rules is not None and rules.enforced_groups is not None and not rules.enforced_groups:
        gaps.append(
            "enforcedGroups: the gate has an empty list, so nobody is challenged; a policy cannot express that: left out, it means everyone"
        )
    if rules is not None and rules.enforced_groups:
        scope["enforcedGroups"] = sorted(rules.enforced_groups)
    if rules is not None and rules.exempt_groups:
        scope["exemptGroups"] = sorted(rules.exempt_groups)
    return scope


def _factors(settings: PluginSettings, gaps: list[str]) -> Spec:
    factors: list[Spec] = [{"type": factor.value} for factor in Factor if factor in settings.factors]
    fields: Spec = {"allowedFactors": factors} if factors else {}
    if Factor.EMAIL_OTP not in settings.base_factors:
        if settings.sender or settings.subject or settings.template:
            gaps.append("the plugin keeps a sender or text for mails though EmailOTP is not allowed: both stay as they are")
        return fields
    sender = settings.sender or ""
    if not re.fullmatch(ADDRESS, sender):
        gaps.append("emailOTP.senderAddress: the plugin's sender is not an e-mail address: replace the placeholder by one")
        sender = PLACEHOLDER_SENDER
    email: Spec = {"senderAddress": sender}
    if settings.subject is not None:
        email["subject"] = settings.subject
    if settings.template is not None and "$otp" in settings.template:
        email["template"] = settings.template
    elif settings.template is not None:
        gaps.append("emailOTP.template: the plugin's text has no $otp, so its mails contain no code: it is left out")
    next(factor for factor in factors if factor["type"] == Factor.EMAIL_OTP)["emailOTP"] = email
    return fields


def _requests(rules: GateSettings | None) -> Spec:
    fields: Spec = {}
    if rules is not None and rules.api_tokens is not None:
        fields["apiTokens"] = rules.api_tokens.value
    if rules is not None and rules.build_window is not None:
        fields["requireOnBuild"] = {"window": format_duration(rules.build_window)}
    return fields


def _gate(state: GateState, gate_code: GateCode, gaps: list[str]) -> Spec | None:
    if not state.installed:
        return None
    if state.foreign or state.settings is None:
        gaps.append("a filter with the gate's name is not the operator's gate: `jenkins2fa plan` shows what would happen to it")
        return {"mode": GateMode.MANAGED.value}
    if state.code == gate_code(gate_configuration(state.settings)):
        mode = GateMode.PROVIDED
    else:
        mode = GateMode.MANAGED
        if state.code != gate_code(None):
            gaps.append("gate: this controller has another version of it, which this version of the operator replaces")
    return {"mode": mode.value}


def _gaps(observation: Observation) -> Iterator[str]:
    if observation.damaged:
        yield f"Jenkins could not read its own {', '.join(observation.damaged)}, so that part is not described"
    if (observation.disk or PluginSettings()) != observation.memory:  # no file on disk: the next restart loads the defaults
        yield "the settings on disk differ from those in memory: this describes memory; the next restart loads the others"
    if observation.memory is not None and observation.filter_on != observation.memory.enabled:
        live, settings = ("on" if flag else "off" for flag in (observation.filter_on, observation.memory.enabled))
        yield f"the live flag is {live}, the settings are {settings}: this describes the settings"
    if observation.gate.installed and observation.gate.settings != observation.gate.stored and observation.gate.stored is not None:
        yield "the gate's stored rules differ from those in force: this describes those in force; the next restart loads the others"
    if lacks_filter(observation) and observation.memory is not None and observation.memory.enabled:
        yield "the plugin's own filter is missing from Jenkins' chain: nobody is challenged until Jenkins restarts, whatever the settings"
    if observation.memory is not None and observation.memory.spared and not observation.gated:
        yield (
            f"the plugin's own lists exempt {len(observation.memory.spared)} users or groups (exemptUsers, exemptRoles), which a policy "
            "cannot express: without a gate they stay exempt; with a gate, only exemptGroups counts"
        )
    if not observation.is_tested:
        yield f"this version was not tested with version {observation.plugin.version} of the plugin, so the operator only reads it"
    if observation.break_glass_until is not None:
        yield f"break-glass is open until {format_time(observation.break_glass_until)}: settings may change then; export again afterwards"
    if observation.trial.pending is not None:
        yield "this controller is being changed right now (a trial is open): export again in a minute"


def _hints(observation: Observation) -> Iterator[str]:
    if observation.managed_by_code:
        yield "configuration-as-code sets the same fields: remove them there, or set competingManager: Override"
    if observation.memory is not None and observation.memory.spared and observation.gated:
        yield (
            f"the plugin's own lists exempt {len(observation.memory.spared)} users or groups, but the gate ignores them; they count again "
            "when it is removed"
        )
    if observation.gate.locked_out:
        yield f"users whom the plugin does not let answer now, after wrong answers: {observation.gate.locked_out}. That ends by itself"
    gate_user = observation.gate.settings.operator if observation.gate.settings else None
    if gate_user is not None and gate_user.lower() != observation.user.lower():
        yield f"the gate exempts the account {gate_user}: use it in the Secret, or the plan shows a change"
