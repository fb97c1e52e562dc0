"""Work on many controllers in parallel: bounded, with progress on standard error, results in the order of the items."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")
Result = TypeVar("Result")

parallel_option = click.option(
    "--parallel", type=click.IntRange(1, 128), default=16, show_default=True, help="How many controllers are read at the same time."
)


@dataclass(frozen=True, slots=True)
class Side(Generic[Result]):
    """``results`` in the order of the items, None for an item that was not reached; ``stopped``: by Ctrl-C."""

    results: tuple[Result | None, ...]
    stopped: bool


def side_by_side(items: Sequence[Item], work: Callable[[Item], Result], parallel: int, label: str) -> Side[Result]:
    """Uses daemon threads: one that waits for a dead host does not keep the process alive.

    An exception from ``work`` ends everything; ``work`` turns the failure of one item into a result."""
    results: dict[int, Result] = {}
    stopped = False
    with _progress() as progress:
        task = progress.add_task(label, total=len(items))
        try:
            for number, result in _answers(items, work, parallel):
                results[number] = result
                progress.advance(task)
        except KeyboardInterrupt:
            stopped = True
    return Side(tuple(results.get(number) for number in range(len(items))), stopped)


def _answers(items: Sequence[Item], work: Callable[[Item], Result], parallel: int) -> Iterator[tuple[int, Result]]:
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
