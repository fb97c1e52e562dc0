"""``jenkins2fa verify``: is a file of evidence whole, in order and signed? Offline."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jenkins2fa.cli.errors import OneOnError, fail
from jenkins2fa.cli.exit_codes import ExitCode
from jenkins2fa.core.evidence import Checked
from jenkins2fa.jenkins.evidence import EvidenceError, check_file, read_public_key

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
