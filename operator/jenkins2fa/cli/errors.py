"""Exit codes, and how a command ends early: one line on standard error, exit code 1, or 3 if something is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NoReturn

import click

from jenkins2fa.core.summary import Summary


class ExitCode(IntEnum):
    """If several apply, the worst one wins: ERROR, then NOT_ENFORCED, then DIFFERS."""

    AS_DESIRED = 0
    ERROR = 1
    DIFFERS = 2
    NOT_ENFORCED = 3  # or refused, or unsupported


MEANINGS = {
    ExitCode.AS_DESIRED: "as desired",
    ExitCode.ERROR: "an error",
    ExitCode.DIFFERS: "something differs, or would change",
    ExitCode.NOT_ENFORCED: "refused, unsupported or not enforced",
}
EXIT_CODES = "Exit codes of every command: " + ", ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
_WORST_FIRST = (ExitCode.ERROR, ExitCode.NOT_ENFORCED, ExitCode.DIFFERS)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The worst of several codes; AS_DESIRED if there is none."""
    given = set(codes)
    return next((code for code in _WORST_FIRST if code in given), ExitCode.AS_DESIRED)


def code_of(summary: Summary) -> ExitCode:
    """The exit code for the conditions of one object."""
    if summary.as_desired:
        return ExitCode.AS_DESIRED
    return ExitCode.NOT_ENFORCED if summary.stalled or not summary.proven else ExitCode.DIFFERS


def code_of_all(summaries: Iterable[Summary]) -> ExitCode:
    """The worst of several objects; NOT_ENFORCED if there is none, because nothing is proven."""
    codes = [code_of(summary) for summary in summaries]
    return worst(codes) if codes else ExitCode.NOT_ENFORCED


class CommandError(click.ClickException):
    """An error in one line; exit code 1."""


class _UsageError(click.UsageError):
    exit_code = 1


class Command(click.Command):
    """A command that exits with 1 on wrong usage. Click's own code for that is 2, which means DIFFERS here."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            raise _UsageError(error.format_message(), error.ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """The same for options that do not go together, which only the command itself knows."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _UsageError(error.format_message(), error.ctx or ctx) from None


class Group(Command, click.Group):
    """A group that exits with 1 on wrong usage, and on an unknown command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise _UsageError(error.format_message(), error.ctx) from None


def fail(message: str, code: ExitCode = ExitCode.ERROR) -> NoReturn:
    """End a command with one line on standard error."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def refuse(message: str) -> NoReturn:
    """End a command that is not allowed to do what was requested: exit code 3."""
    fail(message, ExitCode.NOT_ENFORCED)
