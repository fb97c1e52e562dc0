"""A plan as text, as JSON, or as a comment on a pull request. Counts, never user names; the texts of mails are never shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from jenkins2fa.cli.controllers import table
from jenkins2fa.cli.plan.fleet import Fleet, Idle, InstancePlan, Row, Verdict, label
from jenkins2fa.core.assess import Assessment
from jenkins2fa.core.factors.strength import describe
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.plan import Change

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


def as_text(fleet: Fleet) -> str:
    """A table of all controllers, then the fields of each one that would change; of a single controller always."""
    styles = {(number, 2): "bold yellow" if row.weakened else COLOURS.get(row.verdict, "") for number, row in enumerate(fleet.rows)}
    parts = [table(HEADINGS, [cells(row) for row in fleet.rows], styles)]
    parts += [
        _details(row.name, row.plan, fleet.hints)
        for row in fleet.rows
        if row.plan and (len(fleet.rows) == 1 or row.verdict is not Verdict.NO_CHANGE)
    ]
    notes = [*map(idle_line, fleet.idle), *fleet.notes]
    return "\n\n".join([*parts, *(["\n".join(f"Note: {line}" for line in notes)] if notes else []), counted(fleet)])


def as_json(fleet: Fleet) -> str:
    """Everything, as JSON. The shape is the same for one controller and for many."""
    document = {
        "summary": {verdict[0].lower() + verdict[1:]: fleet.count(verdict) for verdict in Verdict}
        | {"instances": len(fleet.rows), "weakened": sum(bool(row.weakened) for row in fleet.rows), "stopped": fleet.stopped},
        "instances": [_row_document(row) for row in fleet.rows],
        "idlePolicies": [{"policy": str(idle.policy), "overriddenBy": [str(key) for key in idle.overridden_by]} for idle in fleet.idle],
        "notes": list(fleet.notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def cells(row: Row) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    fields = ", ".join(dict.fromkeys(path.partition(".")[0] for path in row.plan.assessment.plan.paths)) if row.plan else ""
    return (
        row.name,
        _policy_cell(row),
        WORDS[row.verdict] + (", weakens" if row.weakened else ""),
        fields or "-",
        (row.reach.text if row.reach else "") or "-",
        _note(row) or "-",
    )


def counted(fleet: Fleet) -> str:
    """The last line: how many have each verdict, and how many are weakened."""
    counts = [f"{number} {WORDS[verdict]}" for verdict in Verdict if (number := fleet.count(verdict))]
    weakening = sum(bool(row.weakened) for row in fleet.rows)
    reached = [row.reach for row in fleet.rows if row.reach and row.reach.newly]
    newly, at_most = sum(reach.newly for reach in reached), "at most " if any(reach.at_most for reach in reached) else ""
    text = f"{len(fleet.rows)} instance{'' if len(fleet.rows) == 1 else 's'}: {', '.join(counts) or 'none'}."
    text += f" The protection is weakened at {weakening}." if weakening else ""
    waiting = sum(row.awaits_approval for row in fleet.rows)
    text += f" {waiting} wait{'s' if waiting == 1 else ''} for approval." if waiting else ""
    return text + (f" Newly asked for a second factor: {at_most}{newly}." if newly else "")


def idle_line(idle: Idle) -> str:
    if idle.overridden_by:
        return f"policy {idle.policy} governs no instance: overridden everywhere by {', '.join(map(str, idle.overridden_by))}"
    return f"policy {idle.policy} selects no instance: check instanceSelector, the labels of the instances, and the namespace"


def _policy_cell(row: Row) -> str:
    """The policy that would govern, after the one that governs now if that differs."""
    now, before = (label(policy.meta) if policy else None for policy in (row.policy, row.former))
    return f"{before} -> {now or '<none>'}" if before not in (None, now) else now or "<none>"


def _note(row: Row) -> str:
    """A failure, a refusal, why nothing is written, the roll-out's batch, overridden policies."""
    assessment = row.plan.assessment if row.plan else None
    parts = [f"{row.reason}: {row.message}" if row.reason else row.message]
    parts += [assessment.refused.reason] if assessment and assessment.refused else []
    parts += [assessment.mode.sentence] if assessment and assessment.mode is not Mode.WRITE else []
    parts += [f"batch {row.batch[0]} of {row.batch[1]} of the roll-out"] if row.batch else []
    parts += ["weakens, so it waits for approval"] if row.awaits_approval else []
    parts += [f"overrides {', '.join(map(str, row.overridden))}"] if row.overridden else []
    parts += [_unmanaged_note(row)] if row.policy is None else []
    return "; ".join(part for part in parts if part)


def _unmanaged_note(row: Row) -> str:
    protected = "" if row.observation is None else ("2FA is on" if row.observation.effective else "2FA is off")
    left = f"loses its policy: deletionPolicy {row.former.spec.deletion_policy}, if that is deleted" if row.former else ""
    return ", ".join(part for part in (protected, left) if part)


def _details(name: str, plan: InstancePlan, hints: Mapping[str, str]) -> str:
    """One line for each field, then refusals and notes."""
    assessment, observation = plan.assessment, plan.observation
    edition = f" ({observation.plugin.edition.lower()} edition)" if observation.plugin.edition else ""
    lines = [
        name,
        f"Jenkins {observation.version} at {plan.instance.spec.url}, plugin {observation.plugin.version or 'missing'}{edition}, "
        f"policy {plan.policy.meta.name}",
        "",
    ]
    lines += _change_lines(assessment.plan.changes)
    lines += [f"  {click.style('x', fg='red')} {field.path:<34} Unsupported: {field.message}" for field in assessment.plan.unsupported]
    strength = describe(plan.policy.spec.allowed_factors)
    lines += ["", f"  Strength of the allowed factors: {strength}"] if strength else []
    lines += ["", *_finding_lines(assessment, hints)] if assessment.findings or assessment.mode is not Mode.WRITE else []
    return "\n".join([*lines, "", _summary(assessment)])


def _summary(assessment: Assessment) -> str:
    """How many fields would change, and whether that is refused."""
    paths, weakening = assessment.plan.paths, {change.path for change in assessment.plan.weakening}
    if not paths:
        text = "Nothing would change."
    else:
        text = f"{len(paths)} field{'s' if len(paths) > 1 else ''} would change"
        text += f", {len(weakening)} of them weaken{'s' if len(weakening) == 1 else ''} the protection" if weakening else ""
        text += f". Plan {assessment.plan.digest}."
    if assessment.plan.unsupported:
        text += f" {len(assessment.plan.unsupported)} unsupported."
    if assessment.refused:
        text += f" Refused: {assessment.refused.reason}."
    return text


def _change_lines(changes: tuple[Change, ...]) -> list[str]:
    merged: dict[tuple[str, str, str, bool], list[str]] = {}
    for change in changes:
        merged.setdefault((change.path, change.before, change.after, change.weakens), []).append(change.layer.value)
    lines = []
    for (path, before, after, weakens), layers in merged.items():
        sign = click.style("!", fg="yellow", bold=True) if weakens else click.style("~", fg="cyan")
        note = click.style("  weakens", fg="yellow") if weakens else ""
        lines.append(f"  {sign} {path:<34} {before} -> {after}  ({', '.join(layers)}){note}")
    return lines


def _finding_lines(assessment: Assessment, hints: Mapping[str, str]) -> list[str]:
    hint = {reason: f" ({text})" for reason, text in hints.items()}
    lines = [
        f"  Refused  {finding.reason}: {finding.message}{hint.get(finding.reason, '')}"
        for finding in assessment.findings
        if finding.severity is Severity.REFUSAL
    ]
    lines += [f"  Note     {finding.reason}: {finding.message}" for finding in assessment.findings if finding.severity is Severity.HAZARD]
    if assessment.mode is not Mode.WRITE:
        lines.append(f"  Note     {assessment.mode.sentence}")
    return lines


def _row_document(row: Row) -> dict[str, Any]:
    reach = row.reach
    return {
        "instance": {"namespace": row.instance.meta.namespace, "name": row.instance.meta.name, "url": row.instance.spec.url},
        "verdict": row.verdict,
        "overridden": [str(key) for key in row.overridden],
        "formerPolicy": str(row.former.meta.key) if row.former else None,
        "reason": row.reason or None,
        "message": row.message or None,
        "enforcedNow": row.observation.effective if row.observation else None,
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
        "plan": _plan_document(row.plan) if row.plan else None,
    }


def _plan_document(plan: InstancePlan) -> dict[str, Any]:
    assessment, observation = plan.assessment, plan.observation
    return {
        "jenkins": {
            "url": plan.instance.spec.url,
            "version": observation.version,
            "pluginVersion": observation.plugin.version,
            "edition": observation.plugin.edition,
        },
        "policy": {"namespace": plan.policy.meta.namespace, "name": plan.policy.meta.name},
        "changes": [
            {"path": change.path, "layer": change.layer, "before": change.before, "after": change.after, "weakens": change.weakens}
            for change in assessment.plan.changes
        ],
        "unsupported": [{"path": field.path, "message": field.message} for field in assessment.plan.unsupported],
        "findings": [
            {"reason": finding.reason, "severity": finding.severity, "path": finding.path, "message": finding.message}
            for finding in assessment.findings
        ],
        "strength": describe(plan.policy.spec.allowed_factors),
        "mode": assessment.mode.name,
        "drift": assessment.drift,
        "refused": assessment.refused is not None,
        "digest": assessment.plan.digest,
        "summary": _summary(assessment),
    }


Item = TypeVar("Item")
LONGEST = 60_000  # bytes; hosting services take 65,536 characters and some less
TABLE = 35_000  # of these, for the table; the rest is for details
MARKER = "<!-- jenkins2fa plan -->"  # a workflow finds its earlier comment by this line
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
    """At most LONGEST bytes of UTF-8; what does not fit is counted. Rows that need attention come first, in a stable order."""
    rows = sorted(fleet.rows, key=lambda row: (not row.weakened, ORDER.index(row.verdict)))
    head = [MARKER, "### Two-factor authentication: what would change", "", counted(fleet), ""]
    rest = [f"* {plain(line)}" for line in (*map(idle_line, fleet.idle), *fleet.notes)]
    lines = [*head, f"| {' | '.join(name.capitalize() for name in HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines = _fill(lines, rows, _table_row, TABLE, "| … | and {} more | | | | |")
    lines = _fill([*lines, ""], rest, lambda line: line, TABLE + 5_000, "* and {} more notes")
    detailed = [row for row in rows if row.plan and row.verdict is not Verdict.NO_CHANGE]
    lines = _fill([*lines, ""], detailed, _markdown_details, LONGEST - 200, "Details of {} more instances do not fit into one comment.")
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """The text as inline code, where neither markup nor mentions work."""
    flat = " ".join(text.replace("`", "'").split())
    flat = flat if len(flat) <= LONGEST_CELL else flat[: LONGEST_CELL - 1] + "…"
    return f"`{flat.replace('|', chr(92) + '|')}`"


def plain(text: str) -> str:
    """The text with everything escaped that is markup, ends a table row, or mentions somebody."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= LONGEST_CELL else flat[: LONGEST_CELL - 1] + "…"
    return "".join(HARMLESS.get(sign, f"\\{sign}" if sign in "\\`*_{}[]|~!" else sign) for sign in flat)


def _table_row(row: Row) -> str:
    instance, policy, result, fields, people, note = cells(row)
    sign = SIGNS.get(row.verdict, plain(result)) + (" **weakens**" if row.weakened else "")
    return f"| {code(instance)} | {code(policy)} | {sign} | {fields if fields == '-' else code(fields)} | {plain(people)} | {plain(note)} |"


def _markdown_details(row: Row) -> str:
    assert row.plan is not None
    assessment = row.plan.assessment
    lines = [f"<details><summary>{_html(row.name)}</summary>", "", code(row.instance.spec.url), ""]
    if assessment.plan.changes:
        lines += ["| Field | Where | Now | Then |", "|---|---|---|---|"]
        lines += map(_change_row, assessment.plan.changes)
        lines.append("")
    lines += [f"* Unsupported {code(field.path)}: {plain(field.message)}" for field in assessment.plan.unsupported]
    lines += [
        f"* **Refused** {finding.reason}: {plain(finding.message)}"
        for finding in assessment.findings
        if finding.severity is Severity.REFUSAL
    ]
    lines += [f"* {finding.reason}: {plain(finding.message)}" for finding in assessment.findings if finding.severity is Severity.HAZARD]
    lines += [f"* {plain(assessment.mode.sentence)}"] if assessment.mode is not Mode.WRITE else []
    strength = describe(row.plan.policy.spec.allowed_factors)
    lines += [f"* Strength of the allowed factors: {plain(strength)}"] if strength else []
    return "\n".join([*lines, "", "</details>"])


def _change_row(change: Change) -> str:
    field = code(change.path) + (" **weakens**" if change.weakens else "")
    return f"| {field} | {change.layer.value} | {code(change.before)} | {code(change.after)} |"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fill(lines: list[str], items: Iterable[Item], render: Callable[[Item], str], longest: int, rest: str) -> list[str]:
    """``lines`` and as many items as fit into ``longest`` bytes in total. The line ``rest`` counts the others."""
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
