"""``jenkins2fa plan``: what would change in a running Jenkins, without a cluster and without writing anything."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from jenkins2fa.cli.errors import CannotGoOn, OneOnError, code_of_plan
from jenkins2fa.cli.observe import Look, Question, look_at, question_options
from jenkins2fa.cli.plan.options import FleetOptions, fleet_options
from jenkins2fa.core.assess import Assessment
from jenkins2fa.core.factors.strength import describe
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.plan import Change

BY_OPTION = {"OperatorLockedOut": " (on this command line: --gate Managed, or --second-factor-seed-file FILE)"}


@click.command(cls=OneOnError)
@question_options
@fleet_options
@click.option("-o", "--output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True, help="How to print it.")
def plan(question: Question, fleet: FleetOptions | None, output: str) -> None:
    """Say field by field what policies would change in running Jenkinses. Writes nothing.

    \b
    One Jenkins:   the files hold the TwoFactorPolicy, and may hold the JenkinsInstance; without one, --url names the Jenkins.
    Many, files:   --credentials FILE: every instance and policy of the files; FILE names the accounts.
    Many, cluster: --cluster (or --context, --kubeconfig): the cluster as it would be after these files were applied.

    \b
    Exit codes: 0 nothing would change
                1 an error, or some instance could not be looked at
                2 something would change
                3 something is refused or unsupported
    """
    if fleet is not None:
        from jenkins2fa.cli.plan.fleet_command import print_fleet  # a fleet's plan consists of plans, so it imports this module

        print_fleet(question, fleet, output)
    if output == "markdown":
        raise CannotGoOn("-o markdown is for many instances: give --credentials or --cluster")
    look = look_at(question)
    click.echo(json.dumps(as_document(look), indent=2, ensure_ascii=False) if output == "json" else as_text(look))
    sys.exit(code_of_plan(look.assessment))


def as_text(look: Look, *, one: bool = True) -> str:
    """The plan for people: one line for each field, then what speaks against it. ``one``: options of the command line speak of its Jenkins,
    and can be a way out."""
    found, seen = look.assessment, look.observation
    edition = seen.plugin.edition.value.lower() if seen.plugin.edition else "no"
    lines = [
        f"Jenkins {seen.version} at {look.target.instance.spec.url}, plugin {seen.plugin.version or 'missing'} ({edition} "
        f"edition), policy {look.policy.meta.name}",
        "",
    ]
    lines += _change_lines(found.plan.changes)
    lines += [f"  {click.style('x', fg='red')} {u.path:<34} Unsupported: {u.message}" for u in found.plan.unsupported]
    strength = describe(look.policy.spec.allowed_factors)
    lines += ["", f"  Strength of the allowed factors: {strength}"] if strength else []
    lines += ["", *_finding_lines(found, one)] if found.findings or found.mode is not Mode.WRITE else []
    return "\n".join([*lines, "", summary(found)])


def summary(found: Assessment) -> str:
    """The last line: counts, and whether it may be done."""
    paths, weakening = found.plan.paths, {change.path for change in found.plan.weakening}
    if not paths:
        text = "Nothing would change."
    else:
        text = f"{len(paths)} field{'s' if len(paths) > 1 else ''} would change"
        text += f", {len(weakening)} of them weaken{'s' if len(weakening) == 1 else ''} the protection" if weakening else ""
        text += f". Plan {found.plan.digest}."
    if found.plan.unsupported:
        text += f" {len(found.plan.unsupported)} unsupported."
    if found.refused:
        text += f" Refused: {found.refused.reason}."
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


def _finding_lines(found: Assessment, one: bool) -> list[str]:
    ways_out = BY_OPTION if one else {}
    lines = [f"  Refused  {f.reason}: {f.message}{ways_out.get(f.reason, '')}" for f in found.findings if f.severity is Severity.REFUSAL]
    lines += [f"  Note     {f.reason}: {f.message}" for f in found.findings if f.severity is Severity.HAZARD]
    if found.mode is not Mode.WRITE:
        lines.append(f"  Note     {found.mode.said}")
    return lines


def as_document(look: Look) -> dict[str, Any]:
    """The plan for programs. Counts, never user names."""
    found, seen = look.assessment, look.observation
    return {
        "jenkins": {
            "url": look.target.instance.spec.url,
            "version": seen.version,
            "pluginVersion": seen.plugin.version,
            "edition": seen.plugin.edition,
        },
        "policy": {"namespace": look.policy.meta.namespace, "name": look.policy.meta.name},
        "changes": [
            {"path": c.path, "layer": c.layer, "before": c.before, "after": c.after, "weakens": c.weakens} for c in found.plan.changes
        ],
        "unsupported": [{"path": u.path, "message": u.message} for u in found.plan.unsupported],
        "findings": [{"reason": f.reason, "severity": f.severity, "path": f.path, "message": f.message} for f in found.findings],
        "strength": describe(look.policy.spec.allowed_factors),
        "mode": found.mode.name,
        "drift": found.drift,
        "refused": found.refused is not None,
        "digest": found.plan.digest,
    }
