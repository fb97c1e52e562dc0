"""A plan as a comment on a pull request: short enough for one, and no text in it becomes mark-up or calls anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from jenkins2fa.cli.plan.fleet import Fleet, Row, Verdict
from jenkins2fa.cli.plan.output import HEADINGS, cells, counted, idle_line
from jenkins2fa.core.factors.strength import describe
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.plan import Change

T = TypeVar("T")
LONGEST = 60_000  # bytes; hosting services take 65,536 characters and some less
TABLE = 35_000  # of them for the table, the rest is for details
MARKER = "<!-- jenkins2fa plan -->"  # by which a workflow finds its comment again
SIGNS = {
    Verdict.UNKNOWN: "**unknown**",
    Verdict.REFUSED: "**refused**",
    Verdict.CHANGES: "**changes**",
    Verdict.UNSUPPORTED: "**unsupported**",
}
ORDER = (*SIGNS, *(verdict for verdict in Verdict if verdict not in SIGNS))
HARMLESS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b", "#": "#\u200b"}
LONGEST_CELL = 600  # characters


def as_markdown(fleet: Fleet) -> str:
    """At most LONGEST bytes of UTF-8: what does not fit is counted. The rows that matter come first, in an order that never changes."""
    rows = sorted(fleet.rows, key=lambda row: (not row.weakened, ORDER.index(row.verdict)))
    head = [MARKER, "### Two-factor authentication: what would change", "", counted(fleet), ""]
    rest = [f"* {plain(line)}" for line in (*map(idle_line, fleet.idle), *fleet.notes)]
    lines = [*head, f"| {' | '.join(name.capitalize() for name in HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines = _fill(lines, rows, _table_row, TABLE, "| … | and {} more | | | | |")
    lines = _fill([*lines, ""], rest, lambda line: line, TABLE + 5_000, "* and {} more notes")
    detailed = [row for row in rows if row.plan and row.verdict is not Verdict.NO_CHANGE]
    lines = _fill([*lines, ""], detailed, _details, LONGEST - 200, "Details of {} more instances do not fit into one comment.")
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """A text as code: neither mark-up nor a mention works in there."""
    flat = " ".join(text.replace("`", "'").split())
    flat = flat if len(flat) <= LONGEST_CELL else flat[: LONGEST_CELL - 1] + "…"
    return f"`{flat.replace('|', chr(92) + '|')}`"


def plain(text: str) -> str:
    """A text in which nothing is mark-up, ends a table's row, or calls somebody by @name."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= LONGEST_CELL else flat[: LONGEST_CELL - 1] + "…"
    return "".join(HARMLESS.get(sign, f"\\{sign}" if sign in "\\`*_{}[]|~!" else sign) for sign in flat)


def _table_row(row: Row) -> str:
    instance, policy, result, fields, people, note = cells(row)
    sign = SIGNS.get(row.verdict, plain(result)) + (" **weakens**" if row.weakened else "")
    return f"| {code(instance)} | {code(policy)} | {sign} | {fields if fields == '-' else code(fields)} | {plain(people)} | {plain(note)} |"


def _details(row: Row) -> str:
    assert row.plan is not None
    found = row.plan.assessment
    lines = [f"<details><summary>{_html(row.name)}</summary>", "", code(row.instance.spec.url), ""]
    if found.plan.changes:
        lines += ["| Field | Where | Now | Then |", "|---|---|---|---|"]
        lines += map(_change_row, found.plan.changes)
        lines.append("")
    lines += [f"* Unsupported {code(one.path)}: {plain(one.message)}" for one in found.plan.unsupported]
    lines += [f"* **Refused** {f.reason}: {plain(f.message)}" for f in found.findings if f.severity is Severity.REFUSAL]
    lines += [f"* {f.reason}: {plain(f.message)}" for f in found.findings if f.severity is Severity.HAZARD]
    lines += [f"* {plain(found.mode.said)}"] if found.mode is not Mode.WRITE else []
    strength = describe(row.plan.policy.spec.allowed_factors)
    lines += [f"* Strength of the allowed factors: {plain(strength)}"] if strength else []
    return "\n".join([*lines, "", "</details>"])


def _change_row(change: Change) -> str:
    field = code(change.path) + (" **weakens**" if change.weakens else "")
    return f"| {field} | {change.layer.value} | {code(change.before)} | {code(change.after)} |"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fill(lines: list[str], items: Iterable[T], render: Callable[[T], str], longest: int, rest: str) -> list[str]:
    """``lines`` and as many items as fit into ``longest`` bytes altogether; the others are counted by the line ``rest``."""
    result, size, left = list(lines), len("\n".join(lines).encode()), 0
    for item in items:
        text = render(item)
        length = len(text.encode()) + 1
        if left or size + length > longest:
            left += 1
            continue
        result.append(text)
        size += length
    return [*result, rest.format(left)] if left else result
