"""The page of a comparison: page.template has the text, and the run gives every number and every verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from string import Template

from bench.compared.drifts import DRIFTS, LONGER, Drift
from bench.compared.found import Found, in_words, middle, of_drift
from bench.compared.measure import PATIENCE, Change, Trouble
from bench.compared.ways import EVERY, Operator
from bench.measured import machine

USUAL = ("at the usual interval, computed: p50", "at most", "ratio of p50")


def render(found: Sequence[Found]) -> str:
    """The page as Markdown; its pictures lie beside it."""
    template = Template(Path(__file__).with_name("page.template").read_text())
    numbers = {"machine": machine(), "patience": f"{PATIENCE:g}", "longer": f"{LONGER:g}"}
    numbers |= {"every": f"{EVERY:g}", "oldest": f"{(Operator.usual or 0) * 1.1:.0f}"}
    parts = (_changes, _drifts, _told, _proof, _together, _restarts, _doors, _sent)
    return template.substitute(numbers, **{part.__name__.strip("_"): part(found) for part in parts})


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


# --- changes ---


def _changes(found: Sequence[Found]) -> str:
    head = ("change", "tool", "rounds", "what it took", "in force, p50", "worst", "reported, p50", *USUAL, "reported too early")
    return _table(head, [_change(one, on, middle(found[0].seconds(on))) for on in (True, False) for one in found])


def _change(one: Found, on: bool, first: float | None) -> tuple[str, ...]:
    """``first``: p50 of the first way, for the ratio."""
    made, seconds = one.of(on), one.seconds(on)
    told = [change.told for change in made if change.told is not None and not change.believed]
    return (
        "on" if on else "off", one.name, str(len(made)), _took(made), _seconds(middle(seconds)), _seconds(max(seconds, default=None)),
        _seconds(middle(told)), *_usual(one, on, first), f"{sum(change.believed for change in made)} of {len(made)}",
    )  # fmt: skip


def _usual(one: Found, on: bool, first: float | None) -> tuple[str, str, str]:
    """p50, worst and ratio at the usual interval, where it comes about by itself. A change that is told at once waits for no look."""
    seconds = one.seconds(on)
    if not seconds or not one.by_itself(on):
        return ("when someone restarts" if seconds else "never"), "–", "–"
    longer = 1.0 if one.waits else 0.0
    half, worst = one.usually(median(seconds), share=longer / 2), one.usually(max(seconds), share=longer)
    return _seconds(half), _seconds(worst), f"{half / first:.0f}" if first else "–"


def _took(made: Sequence[Change]) -> str:
    ways = {"nothing else" if one.steps == () else "it never came" if one.steps is None else f"{len(one.steps)} × restart" for one in made}
    return ", ".join(sorted(ways))


# --- drifts ---


def _drifts(found: Sequence[Found]) -> str:
    rows = [(drift.name, _wrong(found, drift), *(_verdict(one, drift) for one in found)) for drift in DRIFTS]
    usual = ("longest of the seconds above, at the usual interval (computed)", "", *(_usually(one) for one in found))
    head = ("what happens", "wrong afterwards", *(one.name for one in found))
    return _table(head, [*rows, usual])


def _wrong(found: Sequence[Found], drift: Drift) -> str:
    """As seen right after it; where a way was quicker than the look, or has other layers, the longest list counts."""
    troubles = [trouble for one in found if (trouble := of_drift(one, drift)) is not None]
    seen = [trouble.wrong for trouble in troubles if trouble.wrong is not None]
    return ", ".join(max(seen, key=len)) if seen else "all: the plugin is not there" if troubles else "–"


def _verdict(one: Found, drift: Drift) -> str:
    trouble = of_drift(one, drift)
    if trouble is None:
        return "–"
    if trouble.repaired is not None or trouble.down:
        return in_words(trouble)
    ways = [" + ".join(steps) for steps in trouble.ends.values() if steps is not None]
    return f"not by itself; {' or '.join(ways)}" if ways else "no"


def _usually(one: Found) -> str:
    repaired = one.repaired()
    return _seconds(one.usually(max(repaired))) if repaired else "–"


def _told(found: Sequence[Found]) -> str:
    rows = [(drift.name, *(_words(of_drift(one, drift)) for one in found)) for drift in DRIFTS]
    return _table(("what happens", *(one.name for one in found)), rows)


def _words(trouble: Trouble | None) -> str:
    if trouble is None:
        return "–"
    first = {notice.word: notice.after for notice in sorted(trouble.notices, key=lambda notice: -notice.after)}
    return ", ".join(f"{word} {after:.1f}" for word, after in sorted(first.items(), key=lambda pair: pair[1])) or "nothing"


# --- proof, restarts, doors ---


def _proof(found: Sequence[Found]) -> str:
    rows = [(drift.name, *(_open(of_drift(one, drift)) for one in found)) for drift in DRIFTS]
    return _table(("what happens", *(one.name for one in found)), rows)


def _open(trouble: Trouble | None) -> str:
    return "–" if trouble is None else f"{trouble.open:.1f} ({trouble.believed:.1f})" if trouble.open >= 0.05 else "0"


def _together(found: Sequence[Found]) -> str:
    head = ("tool", "drifts", "reported", "corrected by itself", "an unverified user got in, s", "of that, reported as in force, s")
    rows = [
        (
            one.name, str(len(one.troubles)), str(sum(bool(trouble.notices) for trouble in one.troubles)), str(len(one.repaired())),
            f"{sum(trouble.open for trouble in one.troubles):.1f}", f"{sum(trouble.believed for trouble in one.troubles):.1f}",
        )
        for one in found
    ]  # fmt: skip
    return _table(head, rows)


def _restarts(found: Sequence[Found]) -> str:
    rows = [(one.name, str(one.restart.got_in), _seconds(one.restart.seconds)) for one in found if one.restart]
    return _table(("tool", "requests of an unverified user that got in", "until they were challenged again"), rows)


def _doors(found: Sequence[Found]) -> str:
    rows = [
        (one.name, door.who, f"`{door.request}`", str(door.status), "sent to the second factor" if door.challenged else "carried out")
        for one in found
        for door in one.doors
    ]
    return _table(("tool", "API token of", "request", "answer", "that is"), rows)


def _sent(found: Sequence[Found]) -> str:
    parts = [(one.name, *one.sent) for one in found if one.sent]
    return "\n".join(f'"{name}" sent {count} scripts in the run; {asked} of them were answered by 302.' for name, count, asked in parts)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"
