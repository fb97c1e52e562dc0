"""``jenkins2fa verify``: is a file of evidence whole, in order and signed? Offline."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jenkins2fa.cli.errors import CannotGoOn, ExitCode, OneOnError, fail
from jenkins2fa.core.evidence import Checked, Evidence
from jenkins2fa.jenkins.evidence import EvidenceError, EvidenceFile, check_file, read_private_key, read_public_key
from jenkins2fa.jenkins.probe import Note

MOST_PROBLEMS = 20


@click.command(cls=OneOnError)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--key", metavar="FILE", help="Public key (PEM) that every line must be signed with. `openssl pkey -in PRIVATE.pem -pubout` makes it."
)
@click.option(
    "--ends",
    metavar="SHA256",
    help="The digest that an earlier check or a witness noted for the last line: shows whether the end was cut off.",
)
def verify(files: tuple[str, ...], key: str | None, ends: str | None) -> None:
    """Check evidence of probes offline: signatures, order, gaps. Each file is a chain of its own.

    \b
    Exit codes: 0 every line holds
                1 a file or the key cannot be read
                2 something was changed, moved, taken out, or is not signed
    """
    if ends is not None and len(files) > 1:
        raise click.UsageError("--ends is about one file")
    try:
        public = read_public_key(Path(key)) if key else None
        found = [(file, check_file(Path(file), public)) for file in files]
    except EvidenceError as problem:
        fail(str(problem))
    broken = False
    for file, checked in found:
        problems = [*checked.problems]
        if not checked.records:
            problems.append("holds no evidence")
        if ends is not None and ends.lower() != checked.head:
            problems.append(f"ends with {checked.head}, not with {ends.lower()}: lines were taken off its end, or added since")
        broken |= bool(problems)
        _tell(file, checked, problems, signed=public is not None)
    sys.exit(ExitCode.DIFFERS if broken else ExitCode.AS_DESIRED)


def _tell(file: str, checked: Checked, problems: list[str], *, signed: bool) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        click.echo(f"{file}: {problem}")
    if len(problems) > MOST_PROBLEMS:
        click.echo(f"{file}: and {len(problems) - MOST_PROBLEMS} more")
    if problems:
        click.echo(f"{file}: {click.style('does not hold', fg='red', bold=True)}")
        return
    click.echo(
        f"{file}: {checked.records} line{'s' if checked.records > 1 else ''} from {checked.first} to {checked.last}, complete and in order"
    )
    click.echo(f"{file}: last line's digest {checked.head}")
    if signed:
        click.echo(f"{file}: {click.style('every signature holds', fg='green', bold=True)}")
    elif checked.signed:
        click.echo(
            f"{file}: its signatures were not checked: give --key PUBLIC.pem, else anybody who can write the file could have made it up"
        )
    else:
        click.echo(f"{file}: it is not signed: anybody who can write the file could have made it up")


F = TypeVar("F", bound=Callable[..., Any])


def evidence_options(command: F) -> F:
    """Adds both options, as ``evidence`` and ``evidence_key``."""
    options = (
        click.option(
            "--evidence", type=click.Path(dir_okay=False), metavar="FILE", help="Append evidence of each probe; see `jenkins2fa verify`."
        ),
        click.option(
            "--evidence-key",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Sign it with this Ed25519 key (PEM, by `openssl genpkey`).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_recording(file: str | None, key: str | None) -> Note | None:
    """Who takes down evidence, from any thread; None when nobody asked for it. Raises CannotGoOn before anything is asked.

    So does what it returns, when the file fails later."""
    if file is None:
        if key is not None:
            raise CannotGoOn("--evidence-key needs --evidence FILE")
        return None
    try:
        writer = EvidenceFile(Path(file), read_private_key(Path(key)) if key else None)
        writer.check_writable()
    except EvidenceError as problem:
        raise CannotGoOn(f"evidence: {problem}") from None
    return _locked(writer)


def _locked(writer: EvidenceFile) -> Note:
    lock = threading.Lock()

    def note(evidence: Evidence) -> None:
        with lock:
            try:
                writer.append(evidence)
            except EvidenceError as problem:
                raise CannotGoOn(f"evidence: {problem}") from None

    return note
