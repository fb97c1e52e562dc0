"""``jenkins2fa validate``: check files without a cluster, one line for each finding."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field

import click

from jenkins2fa.cli.checking import Finding, check, finding
from jenkins2fa.cli.errors import ExitCode, OneOnError, fail
from jenkins2fa.cli.manifests import Failure, Manifest, UnreadableFile, find_files, is_ours, read_manifests
from jenkins2fa.cli.printing import printable


@dataclass(slots=True)
class Report:
    """What a run found. ``skipped`` counts objects of other kinds."""

    files: int = 0
    checked: int = 0
    skipped: int = 0
    findings: list[Finding] = field(default_factory=list)
    seen: dict[tuple[str, str, str], Manifest] = field(default_factory=dict)


@click.command(cls=OneOnError)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format of the output.")
def validate(paths: tuple[str, ...], output: str) -> None:
    """Check TwoFactorPolicy and JenkinsInstance objects in files, without a cluster.

    Reports what the API server would refuse, and what it would drop silently: unknown fields, and keys given twice. Folders are searched
    for *.yaml, *.yml and *.json; - is standard input. Other objects are skipped.

    \b
    Exit codes: 0 no findings
                1 wrong usage, or a file that cannot be read
                3 there are findings
    """
    try:
        report = validate_files(find_files(paths))
    except UnreadableFile as error:
        fail(printable(str(error)))
    click.echo(as_json(report) if output == "json" else as_text(report))
    sys.exit(ExitCode.NOT_ENFORCED if report.findings else ExitCode.AS_DESIRED)


def validate_files(files: list[str]) -> Report:
    """Check every object of the files. Raises :class:`UnreadableFile`."""
    report = Report(files=len(files))
    for file in files:
        for found in read_manifests(file):
            if isinstance(found, Failure):
                report.findings.append(Finding(found.file, found.line, "", "", "", "", found.message))
            elif is_ours(found):
                _check(report, found)
            else:
                report.skipped += 1
    return report


def _check(report: Report, manifest: Manifest) -> None:
    report.checked += 1
    report.findings += check(manifest)
    key = (manifest.kind, manifest.namespace, manifest.name)
    first = report.seen.setdefault(key, manifest)
    if first is not manifest and manifest.name:
        report.findings.append(finding(manifest, ("metadata", "name"), f"this object is also at {first.file}:{first.line()}"))


def as_text(report: Report) -> str:
    """One line for each finding, and a summary."""
    return "\n".join([*(printable(_line(one)) for one in report.findings), summary(report)])


def _line(one: Finding) -> str:
    name = f"{one.kind or '(no kind)'}/{one.name or '(no name)'}: " if one.path else ""
    return f"{one.file}:{one.line}: {name}{one.path + ': ' if one.path else ''}{one.message}"


def summary(report: Report) -> str:
    """The last line: what was checked, and how it went."""
    files = _count(report.files, "file")
    other = f", {_count(report.skipped, 'object')} of other kinds skipped" if report.skipped else ""
    result = _count(len(report.findings), "finding") if report.findings else "no findings"
    if not report.checked and not report.findings:
        result = "no TwoFactorPolicy or JenkinsInstance to check"
    return f"{result} ({_count(report.checked, 'object')} checked in {files}{other})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(report: Report) -> str:
    """The same for programs: ``findings`` has the fields of :class:`Finding`."""
    findings = [asdict(one) for one in report.findings]
    result = {"files": report.files, "checked": report.checked, "skipped": report.skipped, "findings": findings}
    return json.dumps(result, indent=2)
