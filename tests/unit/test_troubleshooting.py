"""docs/troubleshooting.md has a row for every reason that a condition may show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from jenkins2fa.jenkins import errors

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text()
GUARD = CHECKOUT / "operator" / "jenkins2fa" / "core" / "guard.py"
BASES = {"JenkinsError"}


def reasons_of_errors() -> Iterator[str]:
    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, errors.JenkinsError):
            yield str(one.reason)
    yield from ("TrialPending", "OwnedElsewhere", "QuietingDown", "NotPersisted", "NoteDamaged")


def reasons_of_findings() -> Iterator[str]:
    """The first argument of every Finding(...) in the guard."""
    for node in ast.walk(ast.parse(GUARD.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


@pytest.mark.parametrize("reason", sorted({*reasons_of_errors(), *reasons_of_findings()} - BASES))
def test_every_reason_is_explained(reason: str) -> None:
    assert f"`{reason}`" in PAGE
