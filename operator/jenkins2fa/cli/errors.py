"""How the commands end when they cannot go on: one line on standard error and exit code 1."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click


class CannotGoOn(click.ClickException):
    """An error in one line; exit code 1."""


class _UsageErrorOne(click.UsageError):
    exit_code = 1


class OneOnError(click.Command):
    """A command whose exit code for wrong usage is 1, because 2 means something else there."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            raise _UsageErrorOne(error.message, error.ctx) from None


def fail(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)
