"""The comparison page follows the findings: other findings give another page, and no verdict is hard-coded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.compared.drifts import DRIFTS
from bench.compared.found import Found
from bench.compared.measure import Change, Door, Restart, Trouble
from bench.compared.page import render
from bench.compared.ways import Notice

WHENEVER = "when someone restarts"
CHECKOUT = Path(__file__).resolve().parents[3]
LIVE, GATE = (next(drift for drift in DRIFTS if drift.key == key) for key in ("live", "gate"))


def found(name: str = "a way", **changes: object) -> Found:
    """A method that checks every 5 minutes, with one change and one corrected drift by default."""
    made = Found(name, 300.0, True, [Change(True, (), 1.0, 2.0, 2.5, False)], [trouble()], Restart(0, 0.5))
    for field, value in changes.items():
        setattr(made, field, value)
    return made


def trouble(**changes: object) -> Trouble:
    fields = {"wrong": ("live flag", "effect"), "repaired": 3.0, "open": 2.9, "believed": 2.9, "notices": (), "watched": 3.0, **changes}
    return Trouble(LIVE, **fields)  # type: ignore[arg-type]


def row(page: str, *beginning: str) -> list[str]:
    """The other cells of the first row that begins with these."""
    line = next(line for line in page.splitlines() if line.startswith(f"| {' | '.join(beginning)} |"))
    return [cell.strip() for cell in line.split("|")[1 + len(beginning) : -1]]


@pytest.mark.parametrize(
    ("change", "cells"),
    [
        (Change(True, (), 1.0, 2.0, 2.5, False), ["1", "nothing else", "2.0 s", "2.0 s", "2.5 s", "150 s", "297 s", "75", "0 of 1"]),
        (Change(True, ("restart",), 1.0, 0.5, 1.1, True), ["1", "1 × restart", "1.5 s", "1.5 s", "–", WHENEVER, "–", "–", "1 of 1"]),
        (Change(True, None, 1.0, None, None, False), ["1", "it never came", "–", "–", "–", "never", "–", "–", "0 of 1"]),
    ],
)
def test_the_page_shows_each_change(change: Change, cells: list[str]) -> None:
    assert row(render([found(changes=[change])]), "on", "a way") == cells


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "3.0 s"),
        ({"repaired": None, "ends": {"restart": ("restart",)}}, "not by itself; restart"),
        ({"repaired": None, "ends": {"restart": ("restart",) * 2, "reload": ("reload",)}}, "not by itself; restart + restart or reload"),
        ({"repaired": None, "ends": {"restart": None}}, "no"),
        ({"repaired": None, "down": True}, "does not start"),
    ],
)
def test_the_page_shows_how_each_drift_ended(changes: dict[str, object], verdict: str) -> None:
    assert row(render([found(troubles=[trouble(**changes)])]), LIVE.name) == ["live flag, effect", verdict]


def test_the_page_shows_reports_beside_facts() -> None:
    told = trouble(notices=(Notice(3.1, "DriftCorrected"), Notice(3.2, "Probed"), Notice(4.0, "Probed")))
    page = render([found("one"), found("other", troubles=[told])])
    assert "| one | 1 | 0 | 1 | 2.9 | 2.9 |" in page
    assert "| other | 1 | 1 | 1 | 2.9 | 2.9 |" in page
    assert f"| {LIVE.name} | nothing | DriftCorrected 3.1, Probed 3.2 |" in page
    assert f"| {LIVE.name} | 2.9 (2.9) | 2.9 (2.9) |" in page


def test_the_page_shows_access_restarts_and_drifts_that_do_not_apply() -> None:
    doors = [Door("admin", "POST /scriptText", 302, True), Door("bob", "POST /job/x/build", 201, False)]
    page = render([found(doors=doors, restart=Restart(7, 1.5), sent=(9, 4))])
    assert "| a way | admin | `POST /scriptText` | 302 | sent to the second factor |" in page
    assert "| a way | bob | `POST /job/x/build` | 201 | carried out |" in page
    assert "| a way | 7 | 1.5 s |" in page
    assert '"a way" sent 9 scripts in the run; 4 of them were answered by 302.' in page
    assert row(page, GATE.name) == ["–", "–"]


def test_the_documented_page_has_this_format() -> None:
    """The run wrote it: same headings, every drift, and which parts are modelled."""
    page, made = (CHECKOUT / "docs" / "benchmarks" / "comparison.md").read_text(), render([found()])
    headings = re.compile(r"(?m)^#+ .*$")
    assert headings.findall(page) == headings.findall(made)
    assert [drift.name for drift in DRIFTS if f"| {drift.name} |" not in page] == []
    assert "**modelled**" in page
