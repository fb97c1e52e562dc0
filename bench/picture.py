"""The pictures: small SVG files that say the same as the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.measured import Measured

if TYPE_CHECKING:
    from bench.idle import Idle

INK, OURS, BARE, AIM = "#333333", "#1f6fb2", "#b9c2cc", "#c0392b"
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "jenkins-2fa-operator", "font.size": 9, "text.color": INK})


def draw_times(path: Path, found: Sequence[Measured]) -> None:
    """One row each: every sample as a dot, p50 and p99 as strokes, the unavoidable part as a grey bar, the aims as red strokes."""
    figure = Figure(figsize=(9, 0.62 * len(found) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(found):
        if one.parts:
            axes.barh(row, one.unavoidable, height=0.62, color=BARE, zorder=1)
        shown = _thinned(one.samples)
        axes.plot(shown, [row] * len(shown), ".", color=OURS, markersize=4, alpha=0.35, zorder=2)
        for value, height in ((one.p50, 0.34), (one.p99, 0.2)):
            axes.vlines(value, row - height, row + height, color=OURS, linewidth=2.4, zorder=3)
        for limit in filter(None, one.aim):
            axes.vlines(limit, row - 0.42, row + 0.42, color=AIM, linewidth=1.2, linestyle="dotted", zorder=3)
    axes.set_yticks(range(len(found)), [one.name for one in found])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("milliseconds, log scale\nblue: runs, p50 (long), p99 (short); grey: unavoidable; red: aims")
    save(figure, axes, path)


def draw_looks(path: Path, idle: Idle) -> None:
    """A look by the gate beside one by a script: time, CPU, classes, metaspace."""
    figure = Figure(figsize=(9, 2.3), layout="constrained")
    looks = (idle.by_gate, idle.by_script)
    panels = (
        ("time, p50, ms", [sorted(look.samples)[len(look.samples) // 2] for look in looks]),
        ("CPU in Jenkins, ms", [look.cpu for look in looks]),
        ("classes left", [look.classes for look in looks]),
        ("metaspace left, KiB", [look.metaspace / 1024 for look in looks]),
    )
    for number, (name, values) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        bars = axes.bar(["gate", "script"], values, color=[OURS, BARE], width=0.6)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
        axes.set_title(name, fontsize=9)
        axes.set_ylim(top=max(*values, 0.01) * 1.2)
        plain(axes)
    figure.savefig(path, metadata={"Date": None})


def _thinned(samples: Sequence[float], most: int = 120) -> list[float]:
    """Enough dots to see the spread: the file stays small."""
    ordered = sorted(samples)
    return ordered if len(ordered) <= most else [ordered[round(at * (len(ordered) - 1) / (most - 1))] for at in range(most)]


def save(figure: Figure, axes: object, path: Path) -> None:
    """The same figure gives the same bytes."""
    plain(axes)
    figure.savefig(path, metadata={"Date": None})


def plain(axes: object) -> None:
    """No frame but the two axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
