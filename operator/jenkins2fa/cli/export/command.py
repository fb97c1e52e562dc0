"""``jenkins2fa export``: the YAML that describes running controllers as they are. Reads only."""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from jenkins2fa.cli.errors import CannotGoOn, ExitCode, OneOnError
from jenkins2fa.cli.export.content import content_of
from jenkins2fa.cli.export.yaml import Exported, Group, commented, files_of, groups_of, names_for
from jenkins2fa.cli.options import read_ca, read_seed, seed_option
from jenkins2fa.cli.parallel import parallel_option, side_by_side
from jenkins2fa.cli.url_list import Asked, read_list
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
