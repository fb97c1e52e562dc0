"""Files of evidence: lines are appended, signed if there is a key, and checked offline.

Ed25519 (RFC 8032) over the canonical line without its signature; keys as ``openssl genpkey -algorithm ed25519`` writes them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from jenkins2fa.core.evidence import START, Checked, Evidence, canonical_line, check_lines, document, line_digest, read_line

HOW_TO_MAKE_ONE = "make one with `openssl genpkey -algorithm ed25519`"
TAIL = 64 * 1024  # bytes; a line has about two thousand


class EvidenceError(Exception):
    """A file or key that cannot be used; the message names it and the remedy, and never holds key material."""


class DamagedEvidence(EvidenceError):
    """A file that nothing can be appended to, because its last line is not whole."""


class EvidenceFile:
    """Appends to one file. Several threads and processes may do so at once: each append locks it, and goes on from its last line."""

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
