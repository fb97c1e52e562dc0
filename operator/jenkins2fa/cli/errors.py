"""Exit codes, and how a command ends early: one line on standard error, and exit code 1 or, where something is refused, 3."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NoReturn

import click

from jenkins2fa.core.summary import Summary


class ExitCode(IntEnum):
    """If several apply, the worst counts: ERROR, then NOT_ENFORCED, then DIFFERS."""

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


class CannotGoOn(click.ClickException):
    """An error in one line; exit code 1."""


class _UsageErrorOne(click.UsageError):
    exit_code = 1


class OneOnError(click.Command):
    """A command whose exit code for wrong usage is 1; click's own is 2, which means DIFFERS here."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


class GroupOneOnError(OneOnError, click.Group):
    """The same for a group, also for an unknown command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


def fail(message: str, code: ExitCode = ExitCode.ERROR) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def refuse(message: str) -> NoReturn:
    """Ends a command that may not do what was requested."""
    fail(message, ExitCode.NOT_ENFORCED)
