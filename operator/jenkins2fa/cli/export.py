"""``jenkins2fa export``: the YAML that describes running Jenkinses as they are now. Reads only."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click

from jenkins2fa.cli.audit_list import Asked, read_list
from jenkins2fa.cli.errors import CannotGoOn, OneOnError
from jenkins2fa.cli.export_content import content_of
from jenkins2fa.cli.export_yaml import Exported, as_yaml, commented, names_for
from jenkins2fa.cli.fleet_parallel import parallel_option, side_by_side
from jenkins2fa.cli.jenkins_options import read_ca, read_seed, seed_option
from jenkins2fa.jenkins.drivers.miniorange import MiniOrange
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.scripts import gate_code


@dataclass(frozen=True, slots=True)
class Missing:
    """A Jenkins that could not be read, and why."""

    url: str
    why: str


@click.command(cls=OneOnError)
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE|-...")
@click.option("--username", envvar="JENKINS_USER", help="Account with Administer, where the list names none. [env: JENKINS_USER]")
@click.option("--token-file", type=click.Path(), help="File with its API token ('-' = standard input); else the variable JENKINS_TOKEN.")
@seed_option
@click.option("--ca-file", type=click.Path(), help="Certificate authority of all of them (PEM); it is exported as a ConfigMap.")
@click.option("-n", "--namespace", help="Namespace to write into the objects; default: none.")
@click.option("--as-is", is_flag=True, help="With the enforcement that is there, instead of one that writes nothing.")
@click.option("--output-dir", type=click.Path(file_okay=False), help="A file for each Jenkins in this folder, instead of standard output.")
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
    """Write the TwoFactorPolicy and JenkinsInstance that describe each Jenkins as it is now, and a Secret without the token.

    A Jenkins with 2FA on gets enforcement: Report, one with 2FA off is suspended: applying the files changes nothing.
    Files hold one URL a line, CSV (url,username,token_file,token_env), or YAML with the same keys.

    \b
    Exit codes: 0 every Jenkins is described in full
                2 something cannot be expressed, or some Jenkins could not be read (comments say what)
                1 an error, or none could be read, or stopped by Ctrl-C
    """
    asked = read_list(sources, username, token_file, "account")
    authority, seed, names = read_ca(ca_file), read_seed(second_factor_seed_file), names_for(one.url for one in asked)

    def read(one: Asked) -> Exported | Missing:
        connection = Connection(one.url, replace(one.credentials, second_factor_seed=seed), authority)
        return _read(connection, names[one.url], as_is=as_is)

    run = side_by_side(asked, read, parallel, "reading")
    found = [result or Missing(one.url, "stopped before it was read") for one, result in zip(asked, run.results, strict=True)]
    _write(found, namespace, output_dir)
    read_ones = [one for one in found if isinstance(one, Exported)]
    click.echo(f"{len(read_ones)} of {len(found)} Jenkinses were read.", err=True)
    if run.stopped or not read_ones:
        sys.exit(1)
    sys.exit(2 if len(read_ones) < len(found) or any(one.content.gaps for one in read_ones) else 0)


def _read(connection: Connection, name: str, *, as_is: bool) -> Exported | Missing:
    assert connection.credentials is not None
    try:
        with contextlib.closing(MiniOrange(connection)) as driver:
            seen = driver.observe()
    except JenkinsError as problem:
        return Missing(connection.url, f"{problem.reason}: {problem}")
    except Exception as problem:  # one that goes wrong in a way that nobody thought of costs itself only
        return Missing(connection.url, f"InternalError: {type(problem).__name__}")
    content = content_of(seen, gate_code, as_is=as_is)
    return Exported(name, connection.url, connection.credentials.username, content, connection.authority)


def _write(found: list[Exported | Missing], namespace: str | None, folder: str | None) -> None:
    missing = [f"{one.url} could not be read: {one.why}" for one in found if isinstance(one, Missing)]
    for line in missing:
        click.echo(line, err=True)
    texts = {one.name: as_yaml(one, namespace) for one in found if isinstance(one, Exported)}
    if folder is None:
        click.echo(commented(missing) + "".join(texts.values()), nl=False)
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (Path(folder) / f"{name}.yaml").open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError as problem:
        raise CannotGoOn(f"{problem.filename} is there already, and nothing is written over it: give another folder") from None
    except OSError as problem:
        raise CannotGoOn(f"--output-dir {folder}: {problem.strerror}") from None
