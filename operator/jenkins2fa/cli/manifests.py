"""Finding objects in files: folders, standard input, several documents in one file, lists of objects."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jenkins2fa.api.break_glass import KIND as BREAK_GLASS
from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.meta import API_VERSION, GROUP
from jenkins2fa.api.policy import CLUSTER_KIND as CLUSTER_POLICY
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.cli.yaml_reading import Document, UnreadableYAML, read_documents
from jenkins2fa.cli.yaml_reading import Path as ValuePath

POLICY_KINDS = (POLICY, CLUSTER_POLICY)
KINDS = (*POLICY_KINDS, INSTANCE, BREAK_GLASS)
SUFFIXES = (".yaml", ".yml", ".json")
STANDARD_INPUT = "-"


class UnreadableFile(Exception):
    """A file or folder that cannot be opened; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file. ``start``: its path in the document, which is not empty for an entry of a List."""

    file: str
    document: Document
    start: ValuePath
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return _string(self.body.get("kind"))

    @property
    def namespace(self) -> str:
        return _string(self._metadata.get("namespace"))

    @property
    def name(self) -> str:
        return _string(self._metadata.get("name"))

    @property
    def _metadata(self) -> Mapping[str, Any]:
        metadata = self.body.get("metadata")
        return metadata if isinstance(metadata, Mapping) else {}

    def line(self, path: ValuePath = ()) -> int:
        """The line of a value, or of the nearest enclosing value that is in the file."""
        for length in range(len(path), -1, -1):
            line = self.document.lines.get((*self.start, *path[:length]))
            if line is not None:
                return line
        return self.document.line

    def word(self, path: ValuePath) -> str | None:
        """The word in the file where YAML reads something other than a string: ``Off`` for false."""
        return self.document.words.get((*self.start, *path))


@dataclass(frozen=True, slots=True)
class UnreadableDocument:
    """A place where a file is not valid YAML; ``line`` counts from 1."""

    file: str
    line: int
    message: str


def find_files(arguments: Iterable[str]) -> list[str]:
    """The files that the arguments name; folders are searched for :data:`SUFFIXES`. Raises :class:`UnreadableFile`."""
    files: list[str] = []
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT or path.is_file():
            files.append(argument)
        elif path.is_dir():
            files += sorted(str(file) for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        elif path.exists():
            raise UnreadableFile(f"{argument}: is neither a file nor a folder")
        else:
            raise UnreadableFile(f"{argument}: there is no such file or folder")
    return list(dict.fromkeys(files))


def read_manifests(file: str) -> Iterator[Manifest | UnreadableDocument]:
    """Every object of a file, of any kind. Raises :class:`UnreadableFile`."""
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{file}: cannot be read: {error.strerror}") from error
    yield from parse_manifests("standard input" if file == STANDARD_INPUT else file, content)


def parse_manifests(file: str, content: bytes) -> Iterator[Manifest | UnreadableDocument]:
    """Every object in the content of a file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield UnreadableDocument(file, content.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
        return
    try:
        for document in read_documents(text):
            yield from _objects(file, document, (), document.value)
    except UnreadableYAML as error:
        yield UnreadableDocument(file, error.line, str(error))


def _objects(file: str, document: Document, start: ValuePath, value: Any) -> Iterator[Manifest]:
    if not isinstance(value, Mapping):
        return
    items = value.get("items")
    if _string(value.get("kind")).endswith("List") and isinstance(items, list):
        for number, item in enumerate(items):
            yield from _objects(file, document, (*start, "items", number), item)
    elif value:
        yield Manifest(file, document, start, value)


def is_ours(manifest: Manifest) -> bool:
    """Whether an object is meant to be one of our custom resources: its group or its kind is ours, or both are nearly right."""
    group = _string(manifest.body.get("apiVersion")).partition("/")[0]
    if group == GROUP or manifest.kind in KINDS:
        return True
    return bool(nearest(group, [GROUP])) and nearest(manifest.kind, KINDS) is not None


def type_problems(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What is wrong with ``apiVersion`` and ``kind``: the field and the message."""
    version, kind = manifest.body.get("apiVersion"), manifest.body.get("kind")
    if version != API_VERSION:
        yield "apiVersion", f"must be {API_VERSION}" + (f", is {version!r}" if version is not None else "")
    if kind not in KINDS:
        guess = nearest(_string(kind), KINDS)
        hint = f": did you mean {guess}?" if guess else ""
        yield "kind", f"must be one of {', '.join(KINDS)}" + (f", is {kind!r}{hint}" if kind is not None else "")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, regardless of case; None if nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[matches[0]] if matches else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """``crds`` or ``schemas``: copied into the wheel, and at the top of a checkout (an editable install copies nothing)."""
    packaged = _PACKAGE / "data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent / name


@cache
def load_schema(kind: str, version: str) -> dict[str, Any]:
    """The JSON Schema of one kind."""
    path = data_folder("schemas") / f"{kind.lower()}_{version}.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema
