"""The pictures: from change to in force, and what becomes of each drift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.compared.drifts import DRIFTS
from bench.compared.found import HELPLESS, Found, in_words, of_drift
from bench.compared.measure import Trouble
from bench.picture import AIM, BARE, INK, OURS, plain, save

PALE = "#f3e3e0"


def draw_changes(path: Path, found: Sequence[Found]) -> None:
    """Two rows a way, on and off: dots for the rounds, a grey line to what the usual interval would make of the longest (computed)."""
    rows = [(one, on) for one in found for on in (True, False)]
    figure = Figure(figsize=(9, 0.36 * len(rows) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for row, (one, on) in enumerate(rows):
        seconds, itself = one.seconds(on), one.by_itself(on)
        axes.plot(seconds, [row] * len(seconds), "o", color=OURS, fillstyle="full" if itself else "none", markersize=5, alpha=0.7, zorder=3)
        if not seconds:
            axes.text(0.05, row, "never, by its own means", color=AIM, va="center", fontsize=8)
        elif not itself:
            axes.text(max(seconds) * 1.3, row, "only by a restart: add the wait for one", color=AIM, va="center", fontsize=8)
        elif one.waits:
            axes.hlines(row, max(seconds), one.usually(max(seconds)), color=BARE, linewidth=5, zorder=1)
    axes.set_yticks(range(len(rows)), [f"{one.name}: {'on' if on else 'off'}" for one, on in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(0.03, 1000)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("seconds, log scale\nfull: by itself; hollow: by a restart of the stand-in; grey: up to the usual interval, computed")
    save(figure, axes, path)


def draw_drifts(path: Path, found: Sequence[Found]) -> None:
    """One cell for each drift and way: after how long, or by what, all was well again."""
    figure = Figure(figsize=(9, 0.5 * len(DRIFTS) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    for row, drift in enumerate(DRIFTS):
        for column, one in enumerate(found):
            colour, text, ink = _cell(of_drift(one, drift))
            axes.add_patch(_box(column, row, colour))
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_ylim(len(DRIFTS) - 0.5, -0.5)
    axes.set_xticks(range(len(found)), [one.name.replace(", ", ",\n") for one in found], fontsize=8)
    axes.set_yticks(range(len(DRIFTS)), [drift.name for drift in DRIFTS])
    axes.xaxis.tick_top()
    axes.set_xlabel("blue: by itself, after so long; grey: only when someone restarts; pale: not even then")
    axes.xaxis.set_label_position("bottom")
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    plain(axes)
    figure.savefig(path, metadata={"Date": None})


def _box(column: int, row: int, colour: str) -> Rectangle:
    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="none")


def _cell(trouble: Trouble | None) -> tuple[str, str, str]:
    """Colour, text and colour of the text."""
    if trouble is None:
        return "#ffffff", "–", INK
    text = f"{in_words(trouble)}\n{'told' if trouble.notices else 'not told'}"
    if trouble.repaired is not None:
        return OURS, text, "#ffffff"
    return (PALE if in_words(trouble) in HELPLESS else BARE), text, INK
