"""Files of evidence: lines are appended, signed if there is a key, and checked offline. The operator keeps one file a day (UTC).

Ed25519 (RFC 8032) over the canonical line without its signature; keys as ``openssl genpkey -algorithm ed25519`` writes them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from jenkins2fa.core.evidence import START, Checked, Evidence, canonical_line, check_lines, document, line_digest, read_line

HOW_TO_MAKE_ONE = "make one with `openssl genpkey -algorithm ed25519`"
TAIL = 64 * 1024  # bytes; a line has about two thousand
logger = logging.getLogger(__name__)
MOST_FILES_A_DAY = 100


class EvidenceError(Exception):
    """A file or key that cannot be used; the message names it and the remedy, and never holds key material."""


class DamagedEvidence(EvidenceError):
    """A file that nothing can be appended to, because its last line is not whole."""


class EvidenceFile:
    """Appends to one file. Safe for several threads and processes: each append locks the file and continues after its last line."""

    def __init__(self, path: Path, key: Ed25519PrivateKey | None = None) -> None:
        self._path, self._key = path, key

    def append(self, evidence: Evidence) -> str:
        """Writes one line and waits until it is on disk; returns its digest. Raises EvidenceError."""
        with self._locked() as file:
            sequence, previous = self._last(file.fileno())
            line = self._line(evidence, sequence + 1, previous)
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            return line_digest(line)

    def check_writable(self) -> None:
        """Checks that the file can be appended to, before any request is sent. Raises EvidenceError."""
        with self._locked() as file:
            self._last(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The file, created if missing and locked until it is closed. Raises EvidenceError."""
        try:
            with self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
        except OSError as problem:
            raise EvidenceError(f"{self._path}: {problem.strerror}") from None

    def _line(self, evidence: Evidence, sequence: int, previous: str) -> str:
        body = document(evidence, sequence, previous, datetime.now(UTC))
        if self._key is not None:
            body["signature"] = base64.b64encode(self._key.sign(canonical_line(body).encode())).decode()
        return canonical_line(body)

    def _last(self, descriptor: int) -> tuple[int, str]:
        """Number and digest of the last line of the locked file; 0 and START in an empty one."""
        size = os.fstat(descriptor).st_size  # now: it may have grown between open and lock
        if size == 0:
            return 0, START
        tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
        line = tail.rstrip(b"\n").rpartition(b"\n")[2].decode(errors="replace")
        body = read_line(line)
        if body is None or not tail.endswith(b"\n"):
            raise DamagedEvidence(
                f"{self._path}: its last line is not evidence, or was cut short: move the file aside, and a new one is created"
            )
        return body["sequence"], line_digest(line)


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """A private key in PEM form, without a password. Raises EvidenceError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as problem:
        raise EvidenceError(f"{path}: {problem.strerror}") from None
    except (ValueError, TypeError):
        raise EvidenceError(f"{path}: is not a private key in PEM form without a password: {HOW_TO_MAKE_ONE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{path}: is not an Ed25519 key: {HOW_TO_MAKE_ONE}")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A public key in PEM form. Raises EvidenceError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as problem:
        raise EvidenceError(f"{path}: {problem.strerror}") from None
    except ValueError:
        raise EvidenceError(f"{path}: is not a public key in PEM form: make one with `openssl pkey -in PRIVATE.pem -pubout`") from None
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"{path}: is not an Ed25519 key")
    return key


def check_file(path: Path, key: Ed25519PublicKey | None) -> Checked:
    """Checks a file offline. Raises EvidenceError when it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as problem:
        raise EvidenceError(f"{path}: {problem.strerror}") from None
    checked = check_lines(text.removesuffix("\n").split("\n") if text else [], _verifier(key) if key else None)
    if not text or text.endswith("\n"):
        return checked
    return replace(checked, problems=(*checked.problems, f"line {checked.records}: was cut short"))


def _verifier(key: Ed25519PublicKey) -> Callable[[bytes, str], bool]:
    def holds(signed: bytes, signature: str) -> bool:
        try:
            key.verify(base64.b64decode(signature, validate=True), signed)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return holds


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence is kept. ``key``: file of the private key that signs it; None = not signed."""

    directory: Path
    key: Path | None = None


def log_evidence(evidence: Evidence) -> None:
    """Log the evidence of a probe at debug level, as one JSON object without names."""
    body = document(evidence, 0, START, datetime.now(UTC))
    logger.debug("evidence %s", canonical_line({name: value for name, value in body.items() if name not in ("sequence", "previous")}))


class Recorder:
    """Writes the operator's evidence, one file for each day (UTC), each a chain of its own. Called from any thread; raises nothing.

    If a line cannot be written, that is logged and counted, and reconciles continue: an observation without evidence is better than none.
    ``now``: the time in UTC; ``report``: called for each line with whether it was written."""

    def __init__(self, place: Place, now: Callable[[], datetime], report: Callable[[bool], None] = lambda _: None) -> None:
        """Raises EvidenceError when the key or the directory cannot be used."""
        self._directory, self._now, self._report = place.directory, now, report
        self._key: Ed25519PrivateKey | None = read_private_key(place.key) if place.key else None
        self._lock = threading.Lock()
        self._path, self._digest, self._failing = self._writable_file(self._today()), "", False

    def __call__(self, evidence: Evidence) -> None:
        log_evidence(evidence)
        with self._lock:
            self._report(self._write(evidence))

    def close(self) -> None:
        """Log how today's file ends, as a record outside of it."""
        with self._lock:
            self._log_end()

    def _write(self, evidence: Evidence) -> bool:
        try:
            if not self._path.name.startswith(self._today()):
                self._log_end()
                self._path, self._digest = self._writable_file(self._today()), ""
            self._digest = self._append(evidence)
        except EvidenceError as problem:
            if not self._failing:
                logger.warning("evidence cannot be written; reconciles continue without it: %s", problem)
            self._failing = True
            return False
        if self._failing:
            logger.info("evidence can be written again: %s", self._path)
        self._failing = False
        return True

    def _append(self, evidence: Evidence) -> str:
        try:
            return EvidenceFile(self._path, self._key).append(evidence)
        except DamagedEvidence:
            self._path = self._writable_file(self._today())
            return EvidenceFile(self._path, self._key).append(evidence)

    def _today(self) -> str:
        return f"evidence-{self._now():%Y-%m-%d}"

    def _writable_file(self, stem: str) -> Path:
        """The day's file, or another one if a process that was killed has left a line cut short there. Raises EvidenceError."""
        for number in range(1, MOST_FILES_A_DAY + 1):
            path = self._directory / f"{stem}{'' if number == 1 else f'.{number}'}.jsonl"
            if not path.exists():
                return self._new(path)
            try:
                EvidenceFile(path, self._key).check_writable()
            except DamagedEvidence as problem:
                logger.warning("evidence: %s", problem)
                continue
            return path
        raise EvidenceError(f"{self._directory}: {MOST_FILES_A_DAY} files of {stem} are damaged: check that volume")

    def _new(self, path: Path) -> Path:
        """Check that a file can be created. It is created with its first line, because an empty file is not valid evidence."""
        try:
            with tempfile.TemporaryFile(dir=self._directory):
                return path
        except OSError as problem:
            raise EvidenceError(f"{self._directory}: {problem.strerror}") from None

    def _log_end(self) -> None:
        if self._digest:
            logger.info("evidence: %s ends with the line of digest %s (jenkins2fa verify --ends)", self._path, self._digest)
            self._digest = ""
