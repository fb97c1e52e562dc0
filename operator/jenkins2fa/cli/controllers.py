"""Commands that ask many controllers: the list of their URLs and accounts, work in parallel, and a table of the results.

A file has one URL a line or, where accounts differ, the columns ``url,username,token_file,token_env`` (CSV with a heading). Secrets come
from files and environment variables only.
"""

from __future__ import annotations

import csv
import io
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from jenkins2fa.api.instance import InstanceSpec
from jenkins2fa.api.rules import instance_problems
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.jenkins.connection import Credentials

_SHOWABLE = re.compile(r"[a-z]+://[^\s@?#]{1,200}")  # what messages may quote: a URL without an account; anything else may hold a secret
_NAME = re.compile("[A-Za-z_]{1,30}")
COLUMNS = ("url", "username", "token_file", "token_env")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One controller to check. ``url`` ends with a slash."""

    url: str
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class _Entry:
    where: str
    url: str
    username: str | None = None
    token_file: str | None = None
    token_env: str | None = None


def read_list(
    sources: tuple[str, ...], username: str | None, token_file: str | None, account: str = "canary account"
) -> tuple[Endpoint, ...]:
    """Every controller to check, each URL once, in the order given. ``username`` and ``token_file`` are for entries that name no account.

    ``account``: how messages name the account.

    Raises CommandError with every mistake, before anything is sent."""
    common = _Secrets(username, token_file, account)
    endpoints: dict[str, Endpoint] = {}
    problems: list[str] = []
    for entry in (entry for source in sources for entry in _entries(source)):
        try:
            endpoint = Endpoint(_url(entry.url), common.of(entry))
        except ValueError as problem:
            problems.append(f"{entry.where}: {problem}")
            continue
        endpoints.setdefault(endpoint.url, endpoint)
    if problems:
        raise CommandError("\n".join(problems))
    if not endpoints:
        raise CommandError("no URL: the files are empty")
    return tuple(endpoints.values())


class _Secrets:
    """Reads each file once, and the common account only if an entry needs it."""

    def __init__(self, username: str | None, token_file: str | None, account: str) -> None:
        self._username, self._token_file, self._account = username, token_file, account
        self._files: dict[str, str] = {}

    def of(self, entry: _Entry) -> Credentials:
        username = entry.username or self._username
        if not username:
            raise ValueError(f"no {self._account}: give --username, JENKINS_USER, or a column `username`")
        return Credentials(username, self._secret(entry))

    def _secret(self, entry: _Entry) -> str:
        if entry.token_env:
            value, where = os.environ.get(entry.token_env, ""), f"the environment variable {entry.token_env}"
        elif entry.token_file or self._token_file:
            name = entry.token_file or self._token_file or ""
            value, where = self._read(name), f"the file {name}"
        else:
            value, where = os.environ.get("JENKINS_TOKEN", ""), "the environment variable JENKINS_TOKEN (no --token-file was given)"
        if not value.strip():
            raise ValueError(f"{where} is empty or not set")
        return value.strip()

    def _read(self, name: str) -> str:
        if name not in self._files:
            try:
                self._files[name] = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            except (OSError, ValueError) as problem:  # ValueError: not UTF-8, or a name that no file can have
                raise ValueError(f"the file {name}: {getattr(problem, 'strerror', None) or 'is not UTF-8'}") from None
        return self._files[name]


def _url(entry: str) -> str:
    """A root URL to which a password may be sent. Raises ValueError."""
    url = entry.strip().rstrip("/") + "/"
    problems = [problem.message for problem in instance_problems(InstanceSpec(url=url, credentials="x"))]
    if problems:
        shown = entry.strip() if _SHOWABLE.fullmatch(entry.strip()) else "the URL"
        raise ValueError(f"{shown}: {'; '.join(problems)}")
    return url


def _entries(source: str) -> Iterator[_Entry]:
    if "://" in source:
        yield _Entry("argument", source)
        return
    try:
        content = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{source}: {getattr(problem, 'strerror', None) or 'is not UTF-8'}") from None
    if _has_heading(content):
        yield from _from_csv(source, content)
    else:
        lines = ((number, line.partition(" #")[0].strip()) for number, line in enumerate(content.splitlines(), 1))
        yield from (_Entry(f"{source}:{number}", line) for number, line in lines if line and not line.startswith("#"))


def _has_heading(content: str) -> bool:
    first = content.partition("\n")[0].lower().replace(" ", "").strip().split(",")
    return "url" in first


def _from_csv(source: str, content: str) -> Iterator[_Entry]:
    heading, _, rest = content.partition("\n")
    names = heading.lower().replace(" ", "").strip().split(",")
    _refuse_columns(f"{source}:1", names)
    reader = csv.DictReader(io.StringIO(rest), fieldnames=names, skipinitialspace=True)
    for row in _rows(source, reader):
        if not any(row.values()) or str(row["url"]).startswith("#"):
            continue
        if None in row:
            raise CommandError(f"{source}:{reader.line_num + 1}: has more fields than the heading")
        yield _entry(f"{source}:{reader.line_num + 1}", row)


def _rows(source: str, reader: csv.DictReader[str]) -> Iterator[dict[str, Any]]:
    try:
        yield from reader
    except csv.Error as problem:
        line = reader.line_num + 2  # plus the heading, and this line, which is not counted yet
        raise CommandError(f"{source}:{line}: is not valid CSV: {problem}") from None


def _entry(where: str, row: Mapping[str, Any]) -> _Entry:
    cells = {name: str(row[name]).strip() for name in COLUMNS if row.get(name)}
    return _Entry(where, cells.get("url", ""), cells.get("username"), cells.get("token_file"), cells.get("token_env"))


def _refuse_columns(where: str, names: list[str]) -> None:
    """Refuse unknown columns: one called `token` would put secrets into the list."""
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        hint = ": name secrets by file or environment variable; never write them here" if set(unknown) & {"token", "password"} else ""
        shown = ", ".join(name if _NAME.fullmatch(name) else "(not shown)" for name in unknown)
        raise CommandError(f"{where}: unknown column {shown} (there are {', '.join(COLUMNS)}){hint}")


Item = TypeVar("Item")
Result = TypeVar("Result")

parallel_option = click.option(
    "--parallel", type=click.IntRange(1, 128), default=16, show_default=True, help="How many controllers are read at the same time."
)


@dataclass(frozen=True, slots=True)
class ParallelResults(Generic[Result]):
    """``results``: in the order of the items, None for an item that was not reached. ``stopped``: by Ctrl-C."""

    results: tuple[Result | None, ...]
    stopped: bool


def run_parallel(items: Sequence[Item], work: Callable[[Item], Result], parallel: int, label: str) -> ParallelResults[Result]:
    """Do ``work`` for every item, ``parallel`` of them at a time, with progress on standard error.

    ``work`` turns the failure of one item into a result; an exception from it ends the whole run. The threads are daemons, so that one
    that waits for a dead host does not keep the process alive."""
    results: dict[int, Result] = {}
    stopped = False
    with _progress() as progress:
        task = progress.add_task(label, total=len(items))
        try:
            for number, result in _results(items, work, parallel):
                results[number] = result
                progress.advance(task)
        except KeyboardInterrupt:
            stopped = True
    return ParallelResults(tuple(results.get(number) for number in range(len(items))), stopped)


def _results(items: Sequence[Item], work: Callable[[Item], Result], parallel: int) -> Iterator[tuple[int, Result]]:
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()
    for number in range(len(items)):
        waiting.put(number)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, work(items[number])))
            except BaseException as problem:
                done.put((number, problem))

    for _ in range(min(parallel, len(items))):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in items:
            number, result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield number, result
    finally:
        stop.set()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


WIDTH = 160  # of a table that goes into a file


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[tuple[int, int], str]) -> str:
    """A table in a frame, as wide as the terminal. ``styles``: by row and column, both from 0. Cells are never read as markup."""
    grid = Table(*headings)
    for number, row in enumerate(rows):
        grid.add_row(*(Text(cell, style=styles.get((number, column), ""), overflow="fold") for column, cell in enumerate(row)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return captured.get().rstrip("\n")
