"""YAML (and JSON) as kubectl reads it, with the line of every value.

kubectl reads plain words by its own rules, between YAML 1.1 and 1.2: ``Off``, ``y`` and ``0777`` are not strings, ``12:30`` and dates are.
Observed with kubectl 1.32 and 1.36 on a real API server. A reader with other rules would accept files that the API server refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
TOO_BIG = 200_000  # values in one document, counting aliases each time: a few nested aliases could otherwise fill the memory

_PLAIN = "jenkins2fa:plain"
_DECIDED_BY_WORD = {_PLAIN, *(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))}
_WORDS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_QUOTED = re.compile(r" '(?!<)[^']{2,}'")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


class UnreadableYAML(Exception):
    """The input is not valid YAML; ``line`` counts from 1. The message never quotes the input, which may hold a secret."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass(slots=True)
class Document:
    """One document: its value, and for the path of each value the line (from 1) and, for plain words that are not strings, the word."""

    value: Any
    line: int
    lines: dict[Path, int] = field(default_factory=dict)
    words: dict[Path, str] = field(default_factory=dict)
    repeated: list[tuple[Path, int]] = field(default_factory=list)  # keys given twice: path, line of the second


def spell(path: Path) -> str:
    """``spec.enforcedGroups[1]``, as the API server writes it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def read_path(text: str) -> Path:
    """The inverse of :func:`spell`, for the parser's paths."""
    return tuple(int(number) if number else name for name, number in re.findall(r"([^.\[\]]+)(?!\])|\[([0-9]+)\]", text))


class _Loader(yaml.SafeLoader):
    """Marks plain words instead of resolving them: :func:`_plain` decides what they are."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


def read_documents(text: str) -> Iterator[Document]:
    """Every document of a YAML stream. Raises :class:`UnreadableYAML` after yielding the documents before the mistake."""
    try:
        for node in yaml.compose_all(_without_tabs(text), Loader=_Loader):
            if node is not None:
                yield _Builder().document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableYAML(mark.line + 1 if mark else 1, f"is not valid YAML: {_without_names(error.problem or error.context)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise UnreadableYAML(line, f"is not valid YAML: {error.reason}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableYAML(1, f"is not valid YAML: {type(error).__name__}") from None
    except RecursionError:
        raise UnreadableYAML(1, "is nested too deeply") from None


def _without_names(problem: str | None) -> str:
    """PyYAML's message, without the aliases, anchors and tags that it quotes from the input."""
    return _QUOTED.sub("", problem or "")


def _without_tabs(text: str) -> str:
    """JSON may be indented with tabs, which kubectl accepts and PyYAML refuses. JSON strings cannot contain a tab."""
    if "\t" not in text or text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


class _Builder:
    """Turns the nodes of one document into values, and records their lines."""

    def __init__(self) -> None:
        self.count = 0
        self.open: set[int] = set()  # the nodes that contain the current one: an alias to one of them would never end
        self.result = Document(None, 1)

    def document(self, node: yaml.Node) -> Document:
        self.result.line = node.start_mark.line + 1
        self.result.value = self.value(node, ())
        return self.result

    def value(self, node: yaml.Node, path: Path, line: int | None = None) -> Any:
        self.count += 1
        if self.count > TOO_BIG:
            raise UnreadableYAML(node.start_mark.line + 1, f"has more than {TOO_BIG} values once its aliases are filled in")
        self.result.lines[path] = (node.start_mark.line if line is None else line) + 1
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            raise UnreadableYAML(node.start_mark.line + 1, "has an alias that contains itself")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        finally:
            self.open.discard(id(node))

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag not in _DECIDED_BY_WORD:
            return node.value
        value = _plain(node.value)
        if not isinstance(value, str):
            self.result.words[path] = node.value
        return value

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise UnreadableYAML(key_node.start_mark.line + 1, "has a key that is a list or a mapping")
            if key_node.value == "<<" and key_node.tag == _PLAIN:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key, line = key_node.value, key_node.start_mark.line
            if key in result:
                self.result.repeated.append(((*path, key), line + 1))
            result[key] = self.value(value_node, (*path, key), line)
        for source in merged:
            self.merge(source, path, result)
        return result

    def merge(self, source: yaml.Node, path: Path, result: dict[str, Any]) -> None:
        if not isinstance(source, yaml.MappingNode):
            raise UnreadableYAML(source.start_mark.line + 1, "merges (<<) something that is not a mapping")
        if id(source) in self.open:
            raise UnreadableYAML(source.start_mark.line + 1, "has an alias that contains itself")
        self.open.add(id(source))
        for key_node, value_node in source.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value not in result:
                result[key_node.value] = self.value(value_node, (*path, key_node.value))
        self.open.discard(id(source))


def _plain(word: str) -> Any:
    """The value that kubectl reads for a plain word: a string, a number, true, false or null."""
    if word in _WORDS:
        return _WORDS[word]
    digits = word.replace("_", "")
    if word[:1] not in "+-.0123456789" or not digits:
        return word
    if _INTEGER.match(digits):
        return _integer(digits)
    return float(digits) if _DECIMAL.match(digits) else word


def _integer(digits: str) -> Any:
    sign, body = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    prefix = body[:2].lower()
    if prefix in ("0x", "0b"):
        return sign * int(body[2:], 16 if prefix == "0x" else 2)
    if body.startswith("0") and body != "0":
        return sign * int(body[1:].lstrip("oO") or "0", 8)
    if len(body) > 20:
        return float(digits)  # more than 64 bits, and Python refuses to parse very long integers
    return sign * int(body)
