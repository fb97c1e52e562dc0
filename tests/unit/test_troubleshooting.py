"""docs/troubleshooting.md has a row for every reason that a condition may show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jenkins2fa.jenkins import errors

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text()
CORE = CHECKOUT / "operator" / "jenkins2fa" / "core"
BASES = {"JenkinsError"}


def reasons_of_errors() -> Iterator[str]:
    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, errors.JenkinsError):
            yield str(one.reason)
    yield from ("TrialPending", "OwnedElsewhere", "QuietingDown", "NotPersisted", "NoteDamaged", "NothingToRestore", "Invalid")


def reasons_of_findings() -> Iterator[str]:
    """The first argument of every Finding(...): a text, or the name of one at the top of a module."""
    yield from _arguments("Finding", 0)


def reasons_of_conditions() -> Iterator[str]:
    """The third argument of every Condition(...) that is a text or the name of one; the others are passed on from elsewhere."""
    yield from _arguments("Condition", 2)


def _arguments(function: str, position: int) -> Iterator[str]:
    trees = [ast.parse(path.read_text()) for path in CORE.rglob("*.py")]
    named = {
        node.targets[0].id: node.value.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            given = node.args[position]
            assert function != "Finding" or isinstance(given, ast.Constant | ast.Name)
            if isinstance(given, ast.Constant) or (isinstance(given, ast.Name) and given.id in named):
                yield str(given.value if isinstance(given, ast.Constant) else named[given.id])


def test_the_reasons_are_found() -> None:
    assert {"PluginMissing", "OperatorLockedOut", "ApprovalRequired", "BreakGlassRefused"} <= set(reasons_of_findings())
    assert {"PluginAlone", "AssuranceNotMet", "AnonymousAdministers", "Bypassed"} <= set(reasons_of_conditions())


@pytest.mark.parametrize("reason", sorted({*reasons_of_errors(), *reasons_of_findings(), *reasons_of_conditions()} - BASES))
def test_every_reason_is_explained(reason: str) -> None:
    assert f"`{reason}`" in PAGE


COLUMNS = ["Reason", "Condition", "Message", "What to do", "Retry"]  # after the problem, note or situation


def tables() -> list[list[list[str]]]:
    """The cells of each table, without the line below its head."""
    blocks = re.findall(r"(?m)(?:^\|.*\n)+", PAGE)
    return [[[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in block.splitlines()] for block in blocks]


@pytest.mark.parametrize("rows", tables(), ids=lambda rows: rows[2][1])
def test_every_row_says_all(rows: list[list[str]]) -> None:
    """Each table has all columns, and no cell is empty."""
    assert rows[0][1:] == COLUMNS
    assert [row for row in rows[2:] if len(row) != len(rows[0]) or not all(row)] == []


def test_every_part_of_the_page_has_its_table() -> None:
    assert len(tables()) == PAGE.count("\n## ") == 8
