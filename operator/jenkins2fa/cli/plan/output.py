"""A fleet's plan for people and for programs. Counts, never user names; texts of mails are never shown."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jenkins2fa.cli.plan.command import as_document, as_text, summary
from jenkins2fa.cli.plan.fleet import Fleet, Idle, Row, Verdict
from jenkins2fa.core.mode import Mode

WIDTH = 160  # of a table that goes into a file
HEADINGS = ("INSTANCE", "POLICY", "RESULT", "FIELDS", "PEOPLE", "NOTE")
COLOURS = {Verdict.CHANGES: "cyan", Verdict.REFUSED: "red", Verdict.UNKNOWN: "red", Verdict.UNSUPPORTED: "yellow"}
WORDS = {
    Verdict.NO_CHANGE: "no change",
    Verdict.CHANGES: "changes",
    Verdict.REFUSED: "refused",
    Verdict.UNSUPPORTED: "unsupported",
    Verdict.UNMANAGED: "no policy",
    Verdict.PROBE_ONLY: "probe only",
    Verdict.UNKNOWN: "unknown",
}


def cells(row: Row) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    fields = ", ".join(dict.fromkeys(path.partition(".")[0] for path in row.look.assessment.plan.paths)) if row.look else ""
    return (
        str(row.instance.meta.key),
        policy_of(row),
        WORDS[row.verdict] + (", weakens" if row.weakened else ""),
        fields or "-",
        (row.reach.text if row.reach else "") or "-",
        note_of(row) or "-",
    )


def policy_of(row: Row) -> str:
    """Who governs, and who did until now."""
    now, before = (str(one.meta.key) if one else None for one in (row.policy, row.former))
    return f"{before} -> {now or '<none>'}" if before not in (None, now) else now or "<none>"


def note_of(row: Row) -> str:
    """What else there is to know: trouble, a refusal, why nothing is written, who is overridden."""
    found = row.look.assessment if row.look else None
    parts = [f"{row.reason}: {row.message}" if row.reason else row.message]
    parts += [found.refused.reason] if found and found.refused else []
    parts += [found.mode.said] if found and found.mode is not Mode.WRITE else []
    parts += [f"batch {row.batch[0]} of {row.batch[1]} of the roll-out"] if row.batch else []
    parts += ["weakens, so it waits for approval"] if row.awaits_approval else []
    parts += [f"overrides {', '.join(map(str, row.overridden))}"] if row.overridden else []
    parts += [_left_alone(row)] if row.policy is None else []
    return "; ".join(part for part in parts if part)


def _left_alone(row: Row) -> str:
    protected = "" if row.seen is None else ("2FA is on" if row.seen.effective else "2FA is off")
    left = f"loses its policy: deletionPolicy {row.former.spec.deletion_policy}, if that is deleted" if row.former else ""
    return ", ".join(part for part in (protected, left) if part)


def counted(fleet: Fleet) -> str:
    """The last line: every verdict that there is, and what weakens."""
    counts = [f"{number} {WORDS[verdict]}" for verdict in Verdict if (number := fleet.count(verdict))]
    weakening = sum(bool(row.weakened) for row in fleet.rows)
    reached = [row.reach for row in fleet.rows if row.reach and row.reach.newly]
    asked, some = sum(reach.newly for reach in reached), "at most " if any(reach.at_most for reach in reached) else ""
    text = f"{len(fleet.rows)} instance{'' if len(fleet.rows) == 1 else 's'}: {', '.join(counts) or 'none to look at'}."
    text += f" The protection is weakened at {weakening}." if weakening else ""
    waiting = sum(row.awaits_approval for row in fleet.rows)
    text += f" {waiting} wait{'s' if waiting == 1 else ''} for approval." if waiting else ""
    return text + (f" Newly asked for a second factor: {some}{asked}." if asked else "")


def idle_line(idle: Idle) -> str:
    if idle.overridden_by:
        return f"policy {idle.policy} governs no instance: overridden everywhere by {', '.join(map(str, idle.overridden_by))}"
    return f"policy {idle.policy} selects no instance: check instanceSelector, the labels of the instances, and the namespace"


def fleet_text(fleet: Fleet) -> str:
    """A table of all, then field by field what is not as it should be."""
    table = Table(*HEADINGS)
    for row in fleet.rows:
        row_cells = [Text(cell, overflow="fold") for cell in cells(row)]
        row_cells[2].stylize("bold yellow" if row.weakened else COLOURS.get(row.verdict, ""))
        table.add_row(*row_cells)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(table)
    parts = [captured.get().rstrip("\n")]
    telling = ((row.instance.meta.key, row.look) for row in fleet.rows if row.look and row.verdict is not Verdict.NO_CHANGE)
    parts += [f"{key}\n{as_text(look, one=False)}" for key, look in telling]
    rest = [*map(idle_line, fleet.idle), *fleet.notes]
    return "\n\n".join([*parts, *(["\n".join(f"Note: {line}" for line in rest)] if rest else []), counted(fleet)])


def fleet_document(fleet: Fleet) -> str:
    """Everything, as JSON; each row of an instance that was looked at has the fields of a plan for one."""
    document = {
        "summary": {verdict[0].lower() + verdict[1:]: fleet.count(verdict) for verdict in Verdict}
        | {"instances": len(fleet.rows), "weakened": sum(bool(row.weakened) for row in fleet.rows), "stopped": fleet.stopped},
        "instances": [_row_document(row) for row in fleet.rows],
        "idlePolicies": [{"policy": str(one.policy), "overriddenBy": [str(key) for key in one.overridden_by]} for one in fleet.idle],
        "notes": list(fleet.notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _row_document(row: Row) -> dict[str, Any]:
    reach = row.reach
    return {
        "instance": {"namespace": row.instance.meta.namespace, "name": row.instance.meta.name, "url": row.instance.spec.url},
        "verdict": row.verdict,
        "overridden": [str(key) for key in row.overridden],
        "formerPolicy": str(row.former.meta.key) if row.former else None,
        "reason": row.reason or None,
        "message": row.message or None,
        "enforcedNow": row.seen.effective if row.seen else None,
        "people": reach
        and {
            "newlyAsked": reach.newly,
            "noLongerAsked": reach.no_longer,
            "atMost": reach.at_most,
            "notEnrolled": reach.to_enrol,
            "administratorsNotEnrolled": reach.administrators_to_enrol,
        },
        "weakens": list(row.weakened),
        "awaitsApproval": row.awaits_approval,
        "batch": row.batch and {"number": row.batch[0], "of": row.batch[1]},
        "plan": {**as_document(row.look), "summary": summary(row.look.assessment)} if row.look else None,
    }
