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
from jenkins2fa.api.fields import DURATION_PATTERN, InvalidObject
from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.meta import VERSION
from jenkins2fa.api.parse import parse_break_glass, parse_instance, parse_policy
from jenkins2fa.api.policy import CLUSTER_KIND as CLUSTER_POLICY
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.cli.errors import Command, CommandError, ExitCode, fail
from jenkins2fa.cli.manifests import (
    KINDS,
    Manifest,
    UnreadableDocument,
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
class ValidationResult:
    """What a run found. ``skipped``: objects of other kinds."""

    files: int = 0
    checked: int = 0
    skipped: int = 0
    findings: list[FileFinding] = field(default_factory=list)
    seen: dict[tuple[str, str, str], Manifest] = field(default_factory=dict)


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format of the output.")
def validate(paths: tuple[str, ...], output: str) -> None:
    """Check policies, instances and break-glasses in files, without a cluster.

    Reports what the API server would refuse, and what it would drop silently: unknown fields and duplicate keys. Folders are searched for
    *.yaml, *.yml and *.json; - is standard input. Objects of other kinds are skipped.

    \b
    Examples:
      jenkins2fa validate manifests/
      kustomize build overlay | jenkins2fa validate -

    \b
    Exit codes: 0 no findings
                1 wrong usage, or a file cannot be read
                3 there are findings
    """
    try:
        result = validate_files(find_files(paths))
    except UnreadableFile as error:
        fail(printable(str(error)))
    click.echo(as_json(result) if output == "json" else as_text(result))
    sys.exit(ExitCode.NOT_ENFORCED if result.findings else ExitCode.AS_DESIRED)


def validate_files(files: list[str]) -> ValidationResult:
    """Check every object of the files. Raises :class:`UnreadableFile`."""
    result = ValidationResult(files=len(files))
    for file in files:
        for manifest in read_manifests(file):
            if isinstance(manifest, UnreadableDocument):
                result.findings.append(FileFinding(manifest.file, manifest.line, "", "", "", "", manifest.message))
            elif is_ours(manifest):
                _check(result, manifest)
            else:
                result.skipped += 1
    return result


def _check(result: ValidationResult, manifest: Manifest) -> None:
    result.checked += 1
    result.findings += check(manifest)
    key = (manifest.kind, manifest.namespace, manifest.name)
    first = result.seen.setdefault(key, manifest)
    if first is not manifest and manifest.name:
        result.findings.append(finding_at(manifest, ("metadata", "name"), f"this object is also at {first.file}:{first.line()}"))


def as_text(result: ValidationResult) -> str:
    """One line for each finding, and a summary."""
    return "\n".join([*(printable(_line(finding)) for finding in result.findings), summary(result)])


def _line(finding: FileFinding) -> str:
    name = f"{finding.kind or '(no kind)'}/{finding.name or '(no name)'}: " if finding.path else ""
    return f"{finding.file}:{finding.line}: {name}{finding.path + ': ' if finding.path else ''}{finding.message}"


def summary(result: ValidationResult) -> str:
    """The last line: what was checked, and how it went."""
    files = _count(result.files, "file")
    other = f", {_count(result.skipped, 'object')} of other kinds skipped" if result.skipped else ""
    outcome = _count(len(result.findings), "finding") if result.findings else "no findings"
    if not result.checked and not result.findings:
        outcome = "no objects of jenkins2fa.dev to check"
    return f"{outcome} ({_count(result.checked, 'object')} checked in {files}{other})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(result: ValidationResult) -> str:
    """The same for programs: ``findings`` has the fields of :class:`FileFinding`."""
    findings = [asdict(finding) for finding in result.findings]
    document = {"files": result.files, "checked": result.checked, "skipped": result.skipped, "findings": findings}
    return json.dumps(document, indent=2)


def load_manifests(paths: tuple[str, ...]) -> list[Manifest]:
    """Our objects in the files. Raises CommandError with every finding of ``jenkins2fa validate``."""
    try:
        objects = [manifest for file in find_files(paths) for manifest in read_manifests(file)]
    except UnreadableFile as error:
        raise CommandError(str(error)) from None
    problems = [f"{manifest.file}:{manifest.line}: {manifest.message}" for manifest in objects if isinstance(manifest, UnreadableDocument)]
    ours = [manifest for manifest in objects if isinstance(manifest, Manifest) and is_ours(manifest)]
    findings = [finding for manifest in ours for finding in check(manifest)]
    problems += [f"{finding.file}:{finding.line}: {finding.path}: {finding.message}" for finding in findings]
    if problems:
        raise CommandError("\n".join(problems))
    return ours


def printable(text: str) -> str:
    """One line with control characters escaped: names come from files, and a terminal would obey escape sequences."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


TYPES = {"string": "a string", "boolean": "true or false", "integer": "an integer", "object": "a mapping", "array": "a list"}
NAME = "must be a name of lowercase letters, digits, '-' and '.', such as build-jenkins"
FORMS = {  # common patterns of the schemas, in words; the parser has better messages where a field has rules of its own
    r"\S": "must not be empty",
    "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": NAME,
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "must be a name of lowercase letters, digits and '-', such as team-a",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$": NAME,
    "^[-._a-zA-Z0-9]+$": "must be a key of letters, digits, '-', '_' and '.', such as ca.crt",
    "^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$": "must be a word of letters, digits and '_', such as InForce",
    r"^[^@\s<>]+@[^@\s<>]+$": "must be an e-mail address",
    f"^{DURATION_PATTERN}$": "must be a duration such as 30s, 15m or 1h30m",
}
FORMER = {  # fields that earlier versions had, and what to write instead
    (POLICY, "spec.namespaceSelector"): "only a ClusterTwoFactorPolicy selects namespaces: write one, or leave it out",
    (POLICY, "spec.breakGlass"): "is a resource of its own now: write a TwoFactorBreakGlass with instanceSelector, expiresAt and reason",
}
VAGUE = ("pattern", "minItems", "minLength", "required")  # the parser's message for these is better, if it has one


PARSERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    POLICY: parse_policy,
    CLUSTER_POLICY: parse_policy,
    INSTANCE: parse_instance,
    BREAK_GLASS: parse_break_glass,
}


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One mistake: the file and line (from 1), the object and field, and what to write instead."""

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake inside an object. ``vague``: a better message for the same place replaces it. ``former``: it replaces all the others."""

    path: Path
    message: str
    vague: bool = False
    former: bool = False


def check(manifest: Manifest) -> list[FileFinding]:
    """Every mistake in one of our custom resources, by line."""
    mistakes = [Mistake((field,), message) for field, message in type_problems(manifest)]
    mistakes += [
        Mistake(path[len(manifest.start) :], "is given twice; only the last one counts")
        for path, _ in manifest.document.repeated
        if path[: len(manifest.start)] == manifest.start
    ]
    if manifest.kind in KINDS:
        body = without_nulls(manifest.body)
        schema_mistakes = [mistake for error in _validator(manifest.kind).iter_errors(body) for mistake in _mistakes(error, manifest)]
        mistakes += _merge(schema_mistakes, list(_parser_mistakes(manifest.kind, body)))
    findings = [finding_at(manifest, mistake.path, mistake.message) for mistake in dict.fromkeys(mistakes)]
    return sorted(findings, key=lambda finding: (finding.line, finding.path))


def finding_at(manifest: Manifest, path: Path, message: str) -> FileFinding:
    return FileFinding(manifest.file, manifest.line(path), manifest.kind, manifest.namespace, manifest.name, spell(path), message)


def without_nulls(value: Any) -> Any:
    """Drops fields that are null, as the API server does before it checks an object."""
    if isinstance(value, Mapping):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    return [without_nulls(child) for child in value] if isinstance(value, list) else value


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = load_schema(kind, VERSION)
    relaxed = {name: value for name, value in schema["properties"].items() if name not in ("apiVersion", "kind")}
    required = [name for name in schema["required"] if name not in ("apiVersion", "kind")]  # type_problems has better messages
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
    kept = [mistake for mistake in parser if not any(_overlap(mistake.path, better.path) for better in precise)]
    places = {mistake.path for mistake in kept}
    return [mistake for mistake in schema if not (mistake.vague and mistake.path in places)] + kept


def _overlap(first: Path, second: Path) -> bool:
    """Whether the paths are equal, or one leads to the other."""
    length = min(len(first), len(second))
    return first[:length] == second[:length]


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
        return []  # its type is wrong too, and that message is better
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


def _wrong_type(expected: str, value: Any, word: str | None, allowed: Sequence[str]) -> str:
    label = TYPES.get(expected, expected)
    if expected == "string" and word is not None:
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
