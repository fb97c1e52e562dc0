"""Tables for people, and texts from outside as one line that a terminal shows as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 160  # of a table that goes into a file


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[tuple[int, int], str]) -> str:
    """A table in a frame, as wide as the terminal. ``styles``: by row and column, both from 0. No cell is taken for mark-up."""
    grid = Table(*headings)
    for number, row in enumerate(rows):
        grid.add_row(*(Text(cell, style=styles.get((number, column), ""), overflow="fold") for column, cell in enumerate(row)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return captured.get().rstrip("\n")


def printable(text: str) -> str:
    """One line without control characters: names come from files, and a terminal obeys escape sequences."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
