"""How ``jenkins2fa audit`` prints what it found: a table for people, JSON, CSV and Markdown. Whatever is not known says so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jenkins2fa.jenkins.survey import Known, Survey

WIDTH = 160  # of a table that goes into a file
HEADINGS = ("URL", "Reachable", "Jenkins", "Plugin", "Second factor", "Exceptions", "What remains unknown, or why")
FACTOR = {Known.YES: "demanded", Known.NO: "NOT demanded", Known.UNKNOWN: "unknown"}
EXCEPTIONS = {Known.YES: "open", Known.NO: "challenged", Known.UNKNOWN: "unknown"}
COLOURS = {Known.YES: "green", Known.NO: "bold red", Known.UNKNOWN: "yellow"}
RESIDUAL_RISK = (
    "The plugin never challenges some paths, nor requests without a log-in. Where `Exceptions` says open, one such path let the canary "
    "pass; `challenged` is said of that one path only. The gate closes them.",
    "A canary sees what holds now, for itself: not what is on disk and holds after a restart, which factors there are, or who is exempt.",
)
BEYOND = "what holds after a restart, which factors, who is exempt"


@dataclass(frozen=True, slots=True)
class Audit:
    """All rows, and the seconds that it took."""

    surveys: tuple[Survey, ...]
    seconds: float

    def count(self, enforced: Known) -> int:
        return sum(one.enforced is enforced for one in self.surveys)

    @property
    def summary(self) -> str:
        return (
            f"{len(self.surveys)} asked in {self.seconds:.1f} s: {self.count(Known.YES)} demand a second factor (by proof), "
            f"{self.count(Known.NO)} do not, {self.count(Known.UNKNOWN)} unknown."
        )


def cells(one: Survey) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    return (
        one.url,
        "yes" if one.reachable else "no",
        one.version or "unknown",
        {Known.YES: "seen", Known.NO: "not seen"}.get(one.plugin, "unknown"),
        FACTOR[one.enforced],
        EXCEPTIONS[one.exceptions_open] if one.enforced is Known.YES else "-",
        f"{one.reason}: {one.message}" if one.reason else BEYOND,
    )


def as_table(audit: Audit) -> str:
    table = Table(*HEADINGS)
    for one in audit.surveys:
        row = [Text(cell, overflow="fold") for cell in cells(one)]
        row[4].stylize(COLOURS[one.enforced])
        table.add_row(*row)
    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console = Console(width=WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(table)
        console.print(Text(f"{audit.summary}\n\nWhat remains"))
        for risk in RESIDUAL_RISK:
            console.print(Text(f"* {risk}"))
    return captured.get()


def as_json(audit: Audit) -> str:
    rows = [
        {
            "url": one.url,
            "reachable": one.reachable,
            "jenkinsVersion": one.version or None,
            "plugin": one.plugin,
            "enforced": one.enforced,
            "exceptionsOpen": one.exceptions_open,
            "reason": one.reason or None,
            "message": one.message or None,
        }
        for one in audit.surveys
    ]
    counts = {"asked": len(audit.surveys), **{f"enforced{known.value}": audit.count(known) for known in Known}}
    document = {"summary": {**counts, "seconds": round(audit.seconds, 1)}, "residualRisk": RESIDUAL_RISK, "instances": rows}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_csv(audit: Audit) -> str:
    """Rows only; a cell never begins with a sign that a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(
        [f"'{cell}" if cell[:1] in "=+@" or (cell[:1] == "-" and cell != "-") else cell for cell in cells(one)] for one in audit.surveys
    )
    return out.getvalue()


def as_markdown(audit: Audit) -> str:
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(_plain(cell) for cell in cells(one))} |" for one in audit.surveys]
    return "\n".join([*lines, "", audit.summary, "", *(f"* {risk}" for risk in RESIDUAL_RISK), ""])


def _plain(cell: str) -> str:
    """No cell ends a row, nor becomes mark-up."""
    return cell.translate({ord(sign): f"\\{sign}" for sign in "|<`*_[\\"}).replace("\n", " ")


OUTPUTS: dict[str, Callable[[Audit], str]] = {"table": as_table, "json": as_json, "csv": as_csv, "markdown": as_markdown}
