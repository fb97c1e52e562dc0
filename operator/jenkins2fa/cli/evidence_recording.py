"""``--evidence`` and ``--evidence-key``: what ``apply`` and ``audit`` share for keeping evidence of their probes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.core.evidence import Evidence
from jenkins2fa.jenkins.evidence import EvidenceError, EvidenceFile, read_private_key
from jenkins2fa.jenkins.probe import Note

F = TypeVar("F", bound=Callable[..., Any])


def evidence_options(command: F) -> F:
    """Adds both options, as ``evidence`` and ``evidence_key``."""
    options = (
        click.option(
            "--evidence", type=click.Path(dir_okay=False), metavar="FILE", help="Append evidence of each probe; see `jenkins2fa verify`."
        ),
        click.option(
            "--evidence-key",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Sign it with this Ed25519 key (PEM, by `openssl genpkey`).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_recording(file: str | None, key: str | None) -> Note | None:
    """Who takes down evidence, from any thread; None when nobody asked for it. Raises CannotGoOn before anything is asked.

    So does what it returns, when the file fails later."""
    if file is None:
        if key is not None:
            raise CannotGoOn("--evidence-key needs --evidence FILE")
        return None
    try:
        writer = EvidenceFile(Path(file), read_private_key(Path(key)) if key else None)
        writer.check_writable()
    except EvidenceError as problem:
        raise CannotGoOn(f"evidence: {problem}") from None
    return _locked(writer)


def _locked(writer: EvidenceFile) -> Note:
    lock = threading.Lock()

    def note(evidence: Evidence) -> None:
        with lock:
            try:
                writer.append(evidence)
            except EvidenceError as problem:
                raise CannotGoOn(f"evidence: {problem}") from None

    return note
