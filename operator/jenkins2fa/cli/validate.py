"""``jenkins2fa validate``: check files without a cluster, one line for each finding.

The schema (derived from ``crds/``) knows every field and its type. The parser in ``api`` knows the rules between fields and has the better
messages. Where both report the same place, the more precise message is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, cast

import click
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from jenkins2fa.api.break_glass import KIND as BREAK_GLASS
from jenkins2fa.api.fields import DURATION_PATTERN, TIME_PATTERN, InvalidObject
from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.meta import VERSION
from jenkins2fa.api.parse import parse_break_glass, parse_instance, parse_policy
from jenkins2fa.api.policy import CLUSTER_KIND as CLUSTER_POLICY
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.cli.errors import CannotGoOn, ExitCode, OneOnError, fail
from jenkins2fa.cli.manifests import (
    KINDS,
    Failure,
    Manifest,
    UnreadableFile,
    find_files,
    is_ours,
    load_schema,
    nearest,
    read_manifests,
    type_problems,
)
from jenkins2fa.cli.yaml_reading import Path, read_path, spell


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


def load_manifests(paths: tuple[str, ...]) -> list[Manifest]:
    """Our objects in the files; stops with every finding of ``jenkins2fa validate`` when there is one."""
    try:
        found = [one for file in find_files(paths) for one in read_manifests(file)]
    except UnreadableFile as error:
        raise CannotGoOn(str(error)) from None
    problems = [f"{one.file}:{one.line}: {one.message}" for one in found if isinstance(one, Failure)]
    ours = [one for one in found if isinstance(one, Manifest) and is_ours(one)]
    problems += [f"{f.file}:{f.line}: {f.path}: {f.message}" for one in ours for f in check(one)]
    if problems:
        raise CannotGoOn("\n".join(problems))
    return ours


def printable(text: str) -> str:
    """One line without control characters: names come from files, and a terminal obeys escape sequences."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


TYPES = {"string": "a string", "boolean": "true or false", "integer": "an integer", "object": "a mapping", "array": "a list"}
NAME = "must be a name of lowercase letters, digits, '-' and '.', such as build-jenkins"
FORMS = {  # patterns of the schemas that most people meet, in words; the parser has better ones where a field has rules of its own
    r"\S": "must not be empty",
    "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": NAME,
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "must be a name of lowercase letters, digits and '-', such as team-a",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$": NAME,
    "^[-._a-zA-Z0-9]+$": "must be a key of letters, digits, '-', '_' and '.', such as ca.crt",
    "^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$": "must be a word of letters, digits and '_', such as InForce",
    r"^[^@\s<>]+@[^@\s<>]+$": "must be an e-mail address",
    f"^{DURATION_PATTERN}$": "must be a duration such as 30s, 15m or 1h30m",
    f"^{TIME_PATTERN}$": "must be a time such as 2026-12-01T12:00:00Z",
}
FORMER = {  # fields that earlier versions had, and what to write instead
    (POLICY, "spec.namespaceSelector"): "only a ClusterTwoFactorPolicy selects namespaces: write one, or leave it out",
    (POLICY, "spec.breakGlass"): "is a resource of its own now: write a TwoFactorBreakGlass with instanceSelector, expiresAt and reason",
}
VAGUE = ("pattern", "minItems", "minLength", "required")  # the parser has better words for these, when it has any


PARSERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    POLICY: parse_policy,
    CLUSTER_POLICY: parse_policy,
    INSTANCE: parse_instance,
    BREAK_GLASS: parse_break_glass,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: where in which file (``line`` counts from 1), in which object and field, and the way out."""

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake inside an object; ``vague`` gives way to a better message for the same place, and ``former`` replaces the others."""

    path: Path
    message: str
    vague: bool = False
    former: bool = False


def check(manifest: Manifest) -> list[Finding]:
    """Every mistake in one object of our kinds, by line."""
    mistakes = [Mistake((field,), message) for field, message in type_problems(manifest)]
    mistakes += [
        Mistake(path[len(manifest.start) :], "is given twice; only the last one counts")
        for path, _ in manifest.document.repeated
        if path[: len(manifest.start)] == manifest.start
    ]
    if manifest.kind in KINDS:
        body = without_nulls(manifest.body)
        found = [mistake for error in _validator(manifest.kind).iter_errors(body) for mistake in _mistakes(error, manifest)]
        mistakes += _merge(found, list(_parser_mistakes(manifest.kind, body)))
    findings = [finding(manifest, mistake.path, mistake.message) for mistake in dict.fromkeys(mistakes)]
    return sorted(findings, key=lambda one: (one.line, one.path))


def finding(manifest: Manifest, path: Path, message: str) -> Finding:
    return Finding(manifest.file, manifest.line(path), manifest.kind, manifest.namespace, manifest.name, spell(path), message)


def without_nulls(value: Any) -> Any:
    """Drops fields that are null, as the API server does before it checks an object."""
    if isinstance(value, Mapping):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    return [without_nulls(child) for child in value] if isinstance(value, list) else value


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = load_schema(kind, VERSION)
    relaxed = {name: value for name, value in schema["properties"].items() if name not in ("apiVersion", "kind")}
    required = [name for name in schema["required"] if name not in ("apiVersion", "kind")]  # type_problems says these better
    return Draft202012Validator({**schema, "properties": {"apiVersion": {}, "kind": {}, **relaxed}, "required": required})


def _parser_mistakes(kind: str, body: Mapping[str, Any]) -> Iterator[Mistake]:
    try:
        PARSERS[kind](body)
    except InvalidObject as error:
        for problem in error.problems:
            yield Mistake(read_path(problem.path), problem.message, former=problem.former)


def _merge(schema: list[Mistake], parser: list[Mistake]) -> list[Mistake]:
    former = [mistake.path for mistake in parser if mistake.former]
    schema = [mistake for mistake in schema if not any(mistake.path[: len(path)] == path for path in former)]
    precise = [mistake for mistake in schema if not mistake.vague]
    kept = [one for one in parser if not any(_nested(one.path, mistake.path) for mistake in precise)]
    places = {mistake.path for mistake in kept}
    return [mistake for mistake in schema if not (mistake.vague and mistake.path in places)] + kept


def _nested(one: Path, other: Path) -> bool:
    """Whether one path is the other or leads to it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _mistakes(error: ValidationError, manifest: Manifest) -> Iterable[Mistake]:
    path: Path = tuple(error.absolute_path)
    rule = str(error.validator)
    limit, value, schema = cast(Any, error.validator_value), cast(Any, error.instance), cast(Any, error.schema)
    if rule == "additionalProperties":
        return [
            Mistake((*path, name), FORMER.get((manifest.kind, spell((*path, name)))) or _unknown(name, schema["properties"]))
            for name in value
            if name not in schema["properties"]
        ]
    if rule == "uniqueItems":
        repeated = [number for number, item in enumerate(value) if item in value[:number]]
        return [Mistake((*path, number), f"is in the list already: {value[number]!r}") for number in repeated]
    if rule == "enum" and not isinstance(value, str):
        return []  # its type is wrong too, and that message says more
    if rule == "required":
        return [Mistake((*path, name), "required", vague=True) for name in limit if name not in value]
    if rule == "type":
        return [Mistake(path, _wrong_type(str(limit), value, manifest.word(path), schema.get("enum", ())))]
    return [Mistake(path, _message(rule, limit, value), vague=rule in VAGUE)]


def _unknown(name: str, known: Iterable[str]) -> str:
    guess = nearest(name, known)
    return "unknown field: " + (f"did you mean {guess}?" if guess else f"known fields are {', '.join(sorted(known))}")


def _message(rule: str, limit: Any, value: Any) -> str:
    match rule:
        case "enum":
            return _not_listed(limit, value)
        case "maxLength":
            return f"must have at most {limit} characters, has {len(value)}"
        case "minLength" | "minItems":
            return "must not be empty"
        case "maxItems" | "maxProperties":
            return f"must have at most {limit} entries, has {len(value)}"
        case "minimum":
            return f"must be at least {limit}, is {value}"
        case "maximum":
            return f"must be at most {limit}, is {value}"
        case _:
            words = FORMS.get(limit, f"must match {limit}")
            return f"{words}, is {value!r}"


def _wrong_type(wanted: str, value: Any, word: str | None, allowed: Sequence[str]) -> str:
    label = TYPES.get(wanted, wanted)
    if wanted == "string" and word is not None:
        meant = nearest(word, allowed)
        if allowed and meant is None:
            return f"must be one of {', '.join(allowed)}, but YAML reads {word} as {_kind(value)}"
        return f'must be a string, but YAML reads {word} as {_kind(value)}: write "{meant or word}" in quotes'
    return f"must be {label}, is {_kind(value)}"


def _not_listed(allowed: list[str], value: str) -> str:
    guess = nearest(value, allowed)
    return f"must be one of {', '.join(allowed)}, is {value!r}" + (f": did you mean {guess}?" if guess else "")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    names = {dict: "a mapping", list: "a list", str: "a string", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
