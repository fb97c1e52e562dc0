"""``jenkins2fa verify``: check offline that files of evidence are complete, in order and signed; and the options that record evidence."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jenkins2fa.cli.errors import Command, CommandError, ExitCode, fail
from jenkins2fa.core.evidence import Checked, Evidence
from jenkins2fa.jenkins.evidence import EvidenceError, EvidenceFile, check_file, read_private_key, read_public_key
from jenkins2fa.jenkins.probe import Note

MOST_PROBLEMS = 20


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--key", metavar="FILE", help="Public key (PEM) of the signatures. `openssl pkey -in PRIVATE.pem -pubout` prints it.")
@click.option(
    "--ends",
    metavar="SHA256",
    help="Digest of the last line, as noted earlier: shows whether lines were removed from the end.",
)
def verify(files: tuple[str, ...], key: str | None, ends: str | None) -> None:
    """Check files with evidence of probes, offline: signatures, order, gaps.

    Each file is a chain of its own.

    \b
    Example:
      jenkins2fa verify evidence.jsonl --key public.pem

    \b
    Exit codes: 0 every line is intact
                1 a file or the key cannot be read
                2 a line was changed, moved or removed, or is not signed
    """
    if ends is not None and len(files) > 1:
        raise click.UsageError("--ends is for one file")
    try:
        public = read_public_key(Path(key)) if key else None
        results = [(file, check_file(Path(file), public)) for file in files]
    except EvidenceError as problem:
        fail(str(problem))
    broken = False
    for file, checked in results:
        problems = [*checked.problems]
        if not checked.records:
            problems.append("holds no evidence")
        if ends is not None and ends.lower() != checked.head:
            problems.append(f"ends with {checked.head}, not with {ends.lower()}: lines were removed from its end, or added since")
        broken |= bool(problems)
        _print_result(file, checked, problems, signed=public is not None)
    sys.exit(ExitCode.DIFFERS if broken else ExitCode.AS_DESIRED)


def _print_result(file: str, checked: Checked, problems: list[str], *, signed: bool) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        click.echo(f"{file}: {problem}")
    if len(problems) > MOST_PROBLEMS:
        click.echo(f"{file}: and {len(problems) - MOST_PROBLEMS} more")
    if problems:
        click.echo(f"{file}: {click.style('is not intact', fg='red', bold=True)}")
        return
    click.echo(
        f"{file}: {checked.records} line{'s' if checked.records > 1 else ''} from {checked.first} to {checked.last}, complete and in order"
    )
    click.echo(f"{file}: last line's digest {checked.head}")
    if signed:
        click.echo(f"{file}: {click.style('every signature is valid', fg='green', bold=True)}")
    elif checked.signed:
        click.echo(f"{file}: signatures not checked: give --key PUBLIC.pem, or anyone who can write the file could have forged it")
    else:
        click.echo(f"{file}: not signed: anyone who can write the file could have forged it")


F = TypeVar("F", bound=Callable[..., Any])


def evidence_options(command: F) -> F:
    """Adds ``--evidence`` and ``--evidence-key``."""
    options = (
        click.option(
            "--evidence",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Append evidence of each probe to this file; see `jenkins2fa verify`.",
        ),
        click.option(
            "--evidence-key",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Sign the evidence with this Ed25519 key (PEM, made by `openssl genpkey`).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_recording(file: str | None, key: str | None) -> Note | None:
    """A function that appends evidence to the file, from any thread; None without ``file``.

    Raises CommandError if the file or the key cannot be used, before any request is sent. So does the function if the file fails later."""
    if file is None:
        if key is not None:
            raise CommandError("--evidence-key needs --evidence FILE")
        return None
    try:
        writer = EvidenceFile(Path(file), read_private_key(Path(key)) if key else None)
        writer.check_writable()
    except EvidenceError as problem:
        raise CommandError(f"evidence: {problem}") from None
    return _locked(writer)


def _locked(writer: EvidenceFile) -> Note:
    lock = threading.Lock()

    def note(evidence: Evidence) -> None:
        with lock:
            try:
                writer.append(evidence)
            except EvidenceError as problem:
                raise CommandError(f"evidence: {problem}") from None

    return note
