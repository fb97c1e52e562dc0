"""``jenkins2fa audit``: which of many Jenkinses demand a second factor, by what a canary account meets. No rights, nothing written."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from jenkins2fa.cli.audit_output import OUTPUTS, Audit
from jenkins2fa.cli.errors import CannotGoOn, OneOnError
from jenkins2fa.cli.evidence_recording import evidence_options, open_recording
from jenkins2fa.cli.exit_codes import ExitCode
from jenkins2fa.cli.options import read_ca
from jenkins2fa.cli.parallel import side_by_side
from jenkins2fa.cli.url_list import Asked, read_list
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.survey import Known, Survey, survey

Ask = Callable[[Asked], Survey]


@click.command(cls=OneOnError)
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE|-...")
@click.option("--username", envvar="JENKINS_USER", help="Canary account, where the list names none. [env: JENKINS_USER]")
@click.option(
    "--token-file", type=click.Path(), help="File with its password or API token ('-' = standard input); else the variable JENKINS_TOKEN."
)
@click.option("--ca-file", type=click.Path(), help="Certificate authority of all of them (PEM); default: the usual authorities.")
@click.option("--parallel", type=click.IntRange(1, 128), default=16, show_default=True, help="How many are asked at once.")
@click.option("--timeout", type=click.FloatRange(0.5, 60), default=5.0, show_default=True, help="Seconds for each answer; connecting: 3.")
@evidence_options
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="table", show_default=True, help="How to print the result.")
def audit(
    sources: tuple[str, ...],
    username: str | None,
    token_file: str | None,
    ca_file: str | None,
    parallel: int,
    timeout: float,
    evidence: str | None,
    evidence_key: str | None,
    output: str,
) -> None:
    """Ask many Jenkinses, with a canary account, whether they demand a second factor.

    The account needs no rights and must be one that has to give a second factor; it is sent to every URL of the list that names no other.
    Files hold one URL a line, CSV (url,username,token_file,token_env), or YAML with the same keys. Ctrl-C prints what is there so far.

    \b
    Exit codes: 0 every one demands it, by proof
                1 an error, or stopped by Ctrl-C
                3 some do not, or could not be asked
    """
    asked = read_list(sources, username, token_file)
    authority, note = read_ca(ca_file), open_recording(evidence, evidence_key)
    started = time.monotonic()
    run = ask_all(
        asked,
        lambda one: survey(Connection(one.url, one.credentials, authority, min(3.0, timeout), timeout), note),
        parallel,
    )
    click.echo(OUTPUTS[output](Audit(run.surveys, time.monotonic() - started)), nl=False)
    if run.stopped:
        click.echo(f"Stopped: {run.answered} of {len(asked)} were asked.", err=True)
        sys.exit(ExitCode.ERROR)
    sys.exit(ExitCode.AS_DESIRED if all(one.enforced is Known.YES for one in run.surveys) else ExitCode.NOT_ENFORCED)


@dataclass(frozen=True, slots=True)
class Run:
    """``surveys`` in the order of the list, with a row for each that was not asked any more."""

    surveys: tuple[Survey, ...]
    answered: int
    stopped: bool


def ask_all(asked: Sequence[Asked], ask: Ask, parallel: int) -> Run:
    """Evidence that cannot be kept ends the audit; whatever else goes wrong costs its own row only."""
    side = side_by_side(asked, lambda one: _ask(ask, one), parallel, "asking")
    rows = tuple(survey_of_one or _not_asked(one) for survey_of_one, one in zip(side.results, asked, strict=True))
    return Run(rows, sum(one is not None for one in side.results), side.stopped)


def _ask(ask: Ask, one: Asked) -> Survey:
    try:
        return ask(one)
    except CannotGoOn:
        raise
    except Exception as problem:  # one that goes wrong in a way that nobody thought of
        return Survey(one.url, reachable=False, enforced=Known.UNKNOWN, reason="InternalError", message=type(problem).__name__)


def _not_asked(one: Asked) -> Survey:
    return Survey(one.url, reachable=False, enforced=Known.UNKNOWN, reason="NotAsked", message="stopped before it was asked")
