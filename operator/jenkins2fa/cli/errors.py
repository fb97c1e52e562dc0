"""How the commands end when they cannot go on: one line on standard error, and exit code 1 or, where something is refused, 3."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from jenkins2fa.cli.exit_codes import ExitCode


class CannotGoOn(click.ClickException):
    """An error in one line; exit code 1."""


class _UsageErrorOne(click.UsageError):
    exit_code = 1


class OneOnError(click.Command):
    """A command whose exit code for wrong usage is 1, because 2 means something else (:mod:`jenkins2fa.cli.exit_codes`)."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


class GroupOneOnError(OneOnError, click.Group):
    """The same for a group: also a command that it does not have."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


def fail(message: str, code: ExitCode = ExitCode.ERROR) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def refuse(message: str) -> NoReturn:
    """The end of a command that may not do what it was asked for."""
    fail(message, ExitCode.NOT_ENFORCED)
