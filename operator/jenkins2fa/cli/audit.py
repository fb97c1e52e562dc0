"""``jenkins2fa audit``: log in with a canary account to see which controllers demand a second factor. Needs no rights, writes nothing."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from jenkins2fa.cli.controllers import Endpoint, read_list, run_parallel, table
from jenkins2fa.cli.errors import Command, CommandError, ExitCode
from jenkins2fa.cli.evidence import evidence_options, open_recording
from jenkins2fa.cli.options import read_ca
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.survey import Known, Survey, survey

HEADINGS = ("URL", "Reachable", "Jenkins", "Plugin", "Second factor", "Exceptions", "Note")
FACTOR = {Known.YES: "demanded", Known.NO: "NOT demanded", Known.UNKNOWN: "unknown"}
EXCEPTIONS = {Known.YES: "open", Known.NO: "challenged", Known.UNKNOWN: "unknown"}
COLOURS = {Known.YES: "green", Known.NO: "bold red", Known.UNKNOWN: "yellow"}
RESIDUAL_RISK = (
    "The plugin never challenges some paths, nor requests without a login. Where `Exceptions` is open, one such path let the canary "
    "through; `challenged` is about that one path only. The gate closes them.",
    "A canary sees what applies to itself now: not what is on disk for the next start, which factors are enabled, or who is exempt.",
)
BEYOND = "unknown: what applies after a restart, which factors, who is exempt"


@dataclass(frozen=True, slots=True)
class Audit:
    """All rows, and the duration in seconds."""

    surveys: tuple[Survey, ...]
    seconds: float

    def count(self, enforced: Known) -> int:
        return sum(row.enforced is enforced for row in self.surveys)

    @property
    def summary(self) -> str:
        return (
            f"{len(self.surveys)} checked in {self.seconds:.1f} s: {self.count(Known.YES)} demand a second factor (by proof), "
            f"{self.count(Known.NO)} do not, {self.count(Known.UNKNOWN)} unknown."
        )


def cells(row: Survey) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    return (
        row.url,
        "yes" if row.reachable else "no",
        row.version or "unknown",
        {Known.YES: "seen", Known.NO: "not seen"}.get(row.plugin, "unknown"),
        FACTOR[row.enforced],
        EXCEPTIONS[row.exceptions_open] if row.enforced is Known.YES else "-",
        f"{row.reason}: {row.message}" if row.reason else BEYOND,
    )


def as_table(audit: Audit) -> str:
    styles = {(number, 4): COLOURS[row.enforced] for number, row in enumerate(audit.surveys)}
    risks = (f"* {risk}" for risk in RESIDUAL_RISK)
    return "\n".join(
        [table(HEADINGS, [cells(row) for row in audit.surveys], styles), audit.summary, "", "What a canary cannot see", *risks, ""]
    )


def as_json(audit: Audit) -> str:
    rows = [
        {
            "url": row.url,
            "reachable": row.reachable,
            "jenkinsVersion": row.version or None,
            "plugin": row.plugin,
            "enforced": row.enforced,
            "exceptionsOpen": row.exceptions_open,
            "reason": row.reason or None,
            "message": row.message or None,
        }
        for row in audit.surveys
    ]
    counts = {"asked": len(audit.surveys), **{f"enforced{known.value}": audit.count(known) for known in Known}}
    document = {"summary": {**counts, "seconds": round(audit.seconds, 1)}, "residualRisk": RESIDUAL_RISK, "instances": rows}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_csv(audit: Audit) -> str:
    """Rows only; no cell begins with a character that makes a spreadsheet read it as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(
        [f"'{cell}" if cell[:1] in "=+@" or (cell[:1] == "-" and cell != "-") else cell for cell in cells(row)] for row in audit.surveys
    )
    return out.getvalue()


def as_markdown(audit: Audit) -> str:
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(_plain(cell) for cell in cells(row))} |" for row in audit.surveys]
    return "\n".join([*lines, "", audit.summary, "", *(f"* {risk}" for risk in RESIDUAL_RISK), ""])


def _plain(cell: str) -> str:
    """No cell can end a row or become markup."""
    return cell.translate({ord(sign): f"\\{sign}" for sign in "|<`*_[\\"}).replace("\n", " ")


OUTPUTS: dict[str, Callable[[Audit], str]] = {"table": as_table, "json": as_json, "csv": as_csv, "markdown": as_markdown}


CheckEndpoint = Callable[[Endpoint], Survey]


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE|-...")
@click.option("--username", envvar="JENKINS_USER", metavar="NAME", help="Canary account, if the list names none. [env: JENKINS_USER]")
@click.option(
    "--token-file",
    type=click.Path(),
    metavar="FILE",
    help="File with its password or API token ('-' = standard input). [env: JENKINS_TOKEN holds it itself]",
)
@click.option(
    "--ca-file", type=click.Path(), metavar="FILE", help="Certificate authority of all controllers (PEM). Default: public authorities."
)
@click.option(
    "--parallel", type=click.IntRange(1, 128), default=16, show_default=True, help="How many controllers are checked at the same time."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.5, 60),
    default=5.0,
    show_default=True,
    help="Seconds to wait for each answer (at most 3 to connect).",
)
@evidence_options
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="table", show_default=True, help="Format of the output.")
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
    """Check with a canary account which controllers demand a second factor. Writes nothing.

    A canary is an ordinary account without rights that must give a second factor. It is sent to every URL in the list that names no other
    account. A file has one URL per line or, with a heading, the columns url,username,token_file,token_env (CSV). Ctrl-C prints the
    results so far.

    \b
    Examples:
      jenkins2fa audit https://ci.example.com/ --username canary
      jenkins2fa audit urls.txt --token-file canary-password -o markdown

    \b
    Exit codes: 0 every controller demands a second factor, by proof
                1 an error, or stopped by Ctrl-C
                3 some do not, or could not be checked
    """
    endpoints = read_list(sources, username, token_file)
    authority, note = read_ca(ca_file), open_recording(evidence, evidence_key)
    started = time.monotonic()
    run = check_all(
        endpoints,
        lambda endpoint: survey(Connection(endpoint.url, endpoint.credentials, authority, min(3.0, timeout), timeout), note),
        parallel,
    )
    click.echo(OUTPUTS[output](Audit(run.surveys, time.monotonic() - started)), nl=False)
    if run.stopped:
        click.echo(f"Stopped: {run.answered} of {len(endpoints)} controllers were checked.", err=True)
        sys.exit(ExitCode.ERROR)
    sys.exit(ExitCode.AS_DESIRED if all(row.enforced is Known.YES for row in run.surveys) else ExitCode.NOT_ENFORCED)


@dataclass(frozen=True, slots=True)
class Run:
    """``surveys`` in the order of the list, including a row for each controller that was not reached."""

    surveys: tuple[Survey, ...]
    answered: int
    stopped: bool


def check_all(endpoints: Sequence[Endpoint], check: CheckEndpoint, parallel: int) -> Run:
    """Evidence that cannot be written ends the audit; any other failure costs its own row only."""
    outcome = run_parallel(endpoints, lambda endpoint: _check(check, endpoint), parallel, "asking")
    rows = tuple(result or _not_checked(endpoint) for result, endpoint in zip(outcome.results, endpoints, strict=True))
    return Run(rows, sum(result is not None for result in outcome.results), outcome.stopped)


def _check(check: CheckEndpoint, endpoint: Endpoint) -> Survey:
    try:
        return check(endpoint)
    except CommandError:
        raise
    except Exception as problem:  # an unexpected error costs its own row only
        return Survey(endpoint.url, reachable=False, enforced=Known.UNKNOWN, reason="InternalError", message=type(problem).__name__)


def _not_checked(endpoint: Endpoint) -> Survey:
    return Survey(endpoint.url, reachable=False, enforced=Known.UNKNOWN, reason="NotAsked", message="stopped before it was checked")
