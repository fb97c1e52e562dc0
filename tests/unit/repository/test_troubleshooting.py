"""docs/troubleshooting.md has a row for every reason of a condition."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from jenkins2fa.core.reasons import Reason
from jenkins2fa.jenkins import errors

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text()
PACKAGE = CHECKOUT / "operator" / "jenkins2fa"


def literal_reasons(source: str) -> list[str]:
    """Reasons of findings, failures and conditions that are strings instead of members of the enumeration."""
    positions = {"Finding": 0, "Failure": 0, "Condition": 2}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in positions:
            given = node.args[positions[node.func.id]]
            found += [str(part.value) for part in ast.walk(given) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return found


def test_every_reason_is_a_member_of_the_enumeration() -> None:
    for layer in ("core", "controller", "jenkins"):
        for path in (PACKAGE / layer).rglob("*.py"):
            assert literal_reasons(path.read_text()) == [], path
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.JenkinsError)]
    assert len(classes) > 10
    assert all(isinstance(one.reason, Reason) for one in classes)


def test_the_check_finds_a_literal_reason() -> None:
    assert literal_reasons('Condition(READY, FALSE, "Odd" if odd else Reason.OFF, "text")\nFinding("Other", "text")') == ["Odd", "Other"]


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.JENKINS_ERROR}))
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"`{reason}`" in PAGE


COLUMNS = ["Condition", "What to do"]  # after the reason and the problem, note or situation


def tables() -> list[list[list[str]]]:
    """The cells of each table, without the line below its head."""
    blocks = re.findall(r"(?m)(?:^\|.*\n)+", PAGE)
    return [[[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in block.splitlines()] for block in blocks]


@pytest.mark.parametrize("rows", tables(), ids=lambda rows: rows[2][0])
def test_every_row_is_complete(rows: list[list[str]]) -> None:
    """Each table has all columns, and no cell is empty."""
    assert [rows[0][0], *rows[0][2:]] == ["Reason", *COLUMNS]
    assert [row for row in rows[2:] if len(row) != len(rows[0]) or not all(row)] == []


def test_every_section_of_the_page_has_a_table() -> None:
    assert len(tables()) == PAGE.count("\n## ") == 9
