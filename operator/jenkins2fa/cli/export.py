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
from jenkins2fa.cli.controllers import Asked, parallel_option, read_list, side_by_side
from jenkins2fa.cli.errors import CannotGoOn, ExitCode, OneOnError
from jenkins2fa.cli.options import read_ca, read_seed, seed_option
from jenkins2fa.cli.yaml_writing import Content, Exported, Group, PolicyContent, Spec, commented, files_of, groups_of, names_for
from jenkins2fa.core.observation import COMMAND_LINE, GateState, Observation
from jenkins2fa.core.plan import lacks_filter
from jenkins2fa.core.settings import GateSettings, PluginSettings, gate_configuration
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.scripts import gate_code


@dataclass(frozen=True, slots=True)
class Missing:
    """A controller that could not be read, and why."""

    url: str
    why: str


@click.command(cls=OneOnError)
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE|-...")
@click.option("--username", envvar="JENKINS_USER", help="Account with Administer, if the list names none. [env: JENKINS_USER]")
@click.option(
    "--token-file", type=click.Path(), help="File with its API token ('-' = standard input). [env: JENKINS_TOKEN holds the token itself]"
)
@seed_option
@click.option("--ca-file", type=click.Path(), help="Certificate authority of all controllers (PEM). It is exported as a ConfigMap.")
@click.option("-n", "--namespace", help="Namespace of the objects. Default: none.")
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
    """Write the TwoFactorPolicy and JenkinsInstance that describe each controller as it is, and a Secret without the token.

    Controllers with the same settings share one policy, which selects exactly them.
    A controller with 2FA on gets mode: Audit. One with 2FA off gets mode: Disabled and suspend: true. Either way, applying the files
    changes nothing in Jenkins.
    Files hold one URL per line or, with a heading, the columns url,username,token_file,token_env (CSV).

    \b
    Exit codes: 0 every controller is described completely
                1 an error, some controller could not be read (see the comments), or stopped by Ctrl-C
                3 some settings cannot be expressed (see the comments)
    """
    asked = read_list(sources, username, token_file, "account")
    authority, seed, names = read_ca(ca_file), read_seed(second_factor_seed_file), names_for(one.url for one in asked)

    def read(one: Asked) -> Exported | Missing:
        connection = Connection(one.url, replace(one.credentials, second_factor_seed=seed), authority)
        return _read(connection, names[one.url], as_is=as_is)

    started = time.monotonic()
    run = side_by_side(asked, read, parallel, "reading")
    seconds = time.monotonic() - started
    found = [result or Missing(one.url, "stopped before it was read") for one, result in zip(asked, run.results, strict=True)]
    code = _write_and_count(found, seconds, namespace, output_dir)
    sys.exit(ExitCode.ERROR if run.stopped else code)


def _write_and_count(found: Sequence[Exported | Missing], seconds: float, namespace: str | None, output_dir: str | None) -> ExitCode:
    """Write it all; the exit code of a run that was not stopped."""
    read_ones = [one for one in found if isinstance(one, Exported)]
    groups = groups_of(read_ones)
    _write([one for one in found if isinstance(one, Missing)], files_of(read_ones, groups, namespace), output_dir)
    click.echo(f"{len(read_ones)} of {len(found)} controllers were read in {seconds:.1f} s. {_counted(groups)}", err=True)
    if len(read_ones) < len(found):
        return ExitCode.ERROR
    return ExitCode.NOT_ENFORCED if any(_incomplete(one) for one in read_ones) else ExitCode.AS_DESIRED


def _counted(groups: Sequence[Group]) -> str:
    shared = [group for group in groups if group.shared]
    members = sum(len(group.members) for group in shared)
    return f"Policies: {len(groups)}, of which {len(shared)} for {members} controllers with the same settings."


def _incomplete(one: Exported) -> bool:
    policy = one.content.policy
    return bool(one.content.gaps or (policy and policy.gaps))


def _read(connection: Connection, name: str, *, as_is: bool) -> Exported | Missing:
    assert connection.credentials is not None
    try:
        with contextlib.closing(driver_for(connection)) as driver:
            seen = driver.observe()
    except JenkinsError as problem:
        return Missing(connection.url, f"{problem.reason}: {problem}")
    except Exception as problem:  # an unexpected error costs its own controller only
        return Missing(connection.url, f"InternalError: {type(problem).__name__}")
    content = content_of(seen, gate_code, as_is=as_is)
    return Exported(name, connection.url, connection.credentials.username, content, connection.authority)


def _write(missing: Sequence[Missing], files: Mapping[str, str], folder: str | None) -> None:
    lines = [f"{one.url} could not be read: {one.why}" for one in missing]
    for line in lines:
        click.echo(line, err=True)
    if folder is None:
        click.echo(commented(lines) + "".join(files.values()), nl=False)
        return
    try:
        _write_files(Path(folder), files)
    except FileExistsError as problem:
        raise CannotGoOn(f"{problem.filename} exists already and is not overwritten: give another folder") from None
    except OSError as problem:
        raise CannotGoOn(f"--output-dir {folder}: {problem.strerror}") from None


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    """All of them or, when one is there already, none. Raises FileExistsError, or another OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder / name for name in files):
        if path.is_symlink() or path.exists():
            raise FileExistsError(errno.EEXIST, "is there already", str(path))
    for name, text in files.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)


GateCode = Callable[[dict[str, Any] | None], str]
PLACEHOLDER_SENDER = "jenkins@example.invalid"


def content_of(seen: Observation, gate_code: GateCode, *, as_is: bool) -> Content:
    """``gate_code``: SHA-256 of our gate's file, with a configuration within it or (None) without. ``as_is``: with the enforcement that is
    there, instead of one that writes nothing."""
    owner = seen.owner.name if seen.owner and seen.owner.cluster != COMMAND_LINE else None
    if not seen.plugin.active or seen.memory is None:
        state = "disabled" if seen.plugin.installed else "not installed"
        return Content(
            None, None, (f"the plugin {seen.capabilities.plugin} is {state}: there is nothing that a policy could describe",), owner=owner
        )
    gaps = list(_gaps(seen))
    gate = _gate(seen.gate, gate_code, gaps)
    return Content(_policy(seen, seen.memory, as_is), gate, tuple(gaps), tuple(_hints(seen)), owner)


def _policy(seen: Observation, held: PluginSettings, as_is: bool) -> PolicyContent:
    gaps: list[str] = []
    hints: list[str] = []
    spec: Spec = {"mode": _mode(held, as_is, gaps, hints).value}
    if spec["mode"] == PolicyMode.DISABLED and not as_is:
        spec["suspend"] = True
    rules = seen.gate.settings if seen.gate.installed else None
    spec |= _scope(rules, gaps) | _factors(held, gaps) | _requests(rules)
    if seen.deletion in set(DeletionPolicy) and seen.deletion != DeletionPolicy.RETAIN:
        spec["deletionPolicy"] = str(seen.deletion)
    return PolicyContent(spec, tuple(gaps), tuple(hints))


def _mode(held: PluginSettings, as_is: bool, gaps: list[str], hints: list[str]) -> PolicyMode:
    if not held.enabled:
        if not as_is:
            hints.append(
                "2FA is off. The policy is suspended, so nothing is written; mode: Audit without suspend reports what enforcing changes"
            )
        return PolicyMode.DISABLED
    if not as_is:
        hints.append("2FA is on. Audit writes nothing; when `jenkins2fa plan` and the status say what you expect, set mode: Enforce")
        return PolicyMode.AUDIT
    if not held.factors:
        gaps.append("2FA is on without any factor, so nobody is asked: Enforce needs one, so this says Audit")
        return PolicyMode.AUDIT
    return PolicyMode.ENFORCE


def _scope(rules: GateSettings | None, gaps: list[str]) -> Spec:
    scope: Spec = {}
    if rules is not None and rules.enforced_groups is not None and not rules.enforced_groups:
        gaps.append("enforcedGroups: the gate has an empty list, so nobody is asked; a policy cannot say that, and means everyone")
    if rules is not None and rules.enforced_groups:
        scope["enforcedGroups"] = sorted(rules.enforced_groups)
    if rules is not None and rules.exempt_groups:
        scope["exemptGroups"] = sorted(rules.exempt_groups)
    return scope


def _factors(held: PluginSettings, gaps: list[str]) -> Spec:
    factors: list[Spec] = [{"type": factor.value} for factor in Factor if factor in held.factors]
    fields: Spec = {"allowedFactors": factors} if factors else {}
    if not held.email_otp:
        if held.sender or held.subject or held.template:
            gaps.append("the plugin keeps the sender or text of a mail though EmailOTP is not allowed: it is left as it is")
        return fields
    sender = held.sender or ""
    if not re.fullmatch(ADDRESS, sender):
        gaps.append("emailOTP.senderAddress: the plugin has none that is an e-mail address: put one in place of the placeholder")
        sender = PLACEHOLDER_SENDER
    email: Spec = {"senderAddress": sender}
    if held.subject is not None:
        email["subject"] = held.subject
    if held.template is not None and "$otp" in held.template:
        email["template"] = held.template
    elif held.template is not None:
        gaps.append("emailOTP.template: the plugin's text has no $otp, so its mails hold no code: it is left out")
    next(one for one in factors if one["type"] == Factor.EMAIL_OTP)["emailOTP"] = email
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
        gaps.append("a filter that calls itself our gate is not ours: the plan says what would become of it")
        return {"mode": GateMode.MANAGED.value}
    if state.code == gate_code(gate_configuration(state.settings)):
        mode = GateMode.PROVIDED
    else:
        mode = GateMode.MANAGED
        if state.code != gate_code(None):
            gaps.append("gate: another version of it is in this Jenkins; an operator of this version replaces it")
    return {"mode": mode.value}


def _gaps(seen: Observation) -> Iterator[str]:
    if seen.damaged:
        yield f"Jenkins could not read its own {', '.join(seen.damaged)}: nothing of it is described"
    if (seen.disk or PluginSettings()) != seen.memory:  # no file on disk: the next start brings what a fresh Jenkins has
        yield "the settings on disk differ from those at work: this describes what is at work; the next restart brings the others"
    if seen.memory is not None and bool(seen.live) != seen.memory.enabled:
        live, settings = ("on" if flag else "off" for flag in (seen.live, seen.memory.enabled))
        yield f"the live flag says {live}, the settings say {settings}: this describes the settings"
    if seen.gate.installed and seen.gate.settings != seen.gate.stored and seen.gate.stored is not None:
        yield "the gate's rules that the next start finds differ from those at work: this describes those at work"
    if lacks_filter(seen) and seen.memory is not None and seen.memory.enabled:
        yield "the plugin's own filter is not in Jenkins' chain: whatever the settings say, nobody is asked until Jenkins is restarted"
    if not seen.is_tested:
        yield f"the plugin's version {seen.plugin.version} is not one that this version was tested with: it is only read"
    if seen.break_glass_until is not None:
        yield f"break-glass is open until {format_time(seen.break_glass_until)}: settings may be other ones afterwards; export again then"
    if seen.trial.pending is not None:
        yield "somebody is changing this Jenkins right now (a trial is open): export again in a minute"


def _hints(seen: Observation) -> Iterator[str]:
    if seen.managed_by_code:
        yield "configuration-as-code sets the same fields: remove them there, or set competingManager: Override"
    gate_user = seen.gate.settings.operator if seen.gate.settings else None
    if gate_user is not None and gate_user.lower() != seen.user.lower():
        yield f"the gate lets in the account {gate_user}; use that one in the Secret, or expect a change"
