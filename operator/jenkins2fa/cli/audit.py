"""``jenkins2fa audit``: which of many Jenkinses demand a second factor, by what a canary account meets. No rights, nothing written."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jenkins2fa.cli.audit_list import Asked, read_list
from jenkins2fa.cli.audit_output import OUTPUTS, Audit
from jenkins2fa.cli.recording import evidence_options, open_recording
from jenkins2fa.cli.target import CannotGoOn, OneOnError, read_ca
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
                2 some do not, or could not be asked
                1 an error, or stopped by Ctrl-C
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
        sys.exit(1)
    sys.exit(0 if all(one.enforced is Known.YES for one in run.surveys) else 2)


@dataclass(frozen=True, slots=True)
class Run:
    """``surveys`` in the order of the list, with a row for each that was not asked any more."""

    surveys: tuple[Survey, ...]
    answered: int
    stopped: bool


def ask_all(asked: Sequence[Asked], ask: Ask, parallel: int) -> Run:
    """Asks side by side, by threads that end with the process: one that waits for a dead host keeps nobody from leaving."""
    answers: dict[int, Survey] = {}
    stopped = False
    with _progress() as progress:
        task = progress.add_task("asking", total=len(asked))
        try:
            for number, survey_of_one in _answers(asked, ask, parallel):
                answers[number] = survey_of_one
                progress.advance(task)
        except KeyboardInterrupt:
            stopped = True
    rows = tuple(answers.get(number) or _not_asked(one) for number, one in enumerate(asked))
    return Run(rows, len(answers), stopped)


def _answers(asked: Sequence[Asked], ask: Ask, parallel: int) -> Iterator[tuple[int, Survey]]:
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Survey | CannotGoOn]] = queue.SimpleQueue()
    for number in range(len(asked)):
        waiting.put(number)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            done.put((number, _ask(ask, asked[number])))

    for _ in range(min(parallel, len(asked))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in asked:
            number, answer = done.get()
            if isinstance(answer, CannotGoOn):
                raise answer
            yield number, answer
    finally:
        stop.set()


def _ask(ask: Ask, one: Asked) -> Survey | CannotGoOn:
    """One that goes wrong in a way that nobody thought of costs its own row only; evidence that cannot be kept ends the audit."""
    try:
        return ask(one)
    except CannotGoOn as problem:
        return problem
    except Exception as problem:
        return Survey(one.url, reachable=False, enforced=Known.UNKNOWN, reason="InternalError", message=type(problem).__name__)


def _not_asked(one: Asked) -> Survey:
    return Survey(one.url, reachable=False, enforced=Known.UNKNOWN, reason="NotAsked", message="stopped before it was asked")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
