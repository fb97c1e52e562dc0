"""Evidence of probes that outlives the process: ``--evidence-directory``. One file a day (UTC), each a chain of its own.

What cannot be written stops nothing: a Jenkins that is not observed is worse than an observation that nobody took down. It is logged
and counted.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jenkins2fa.core.evidence import START, Evidence, canonical_line, document
from jenkins2fa.jenkins.evidence import DamagedEvidence, EvidenceError, EvidenceFile, read_private_key

logger = logging.getLogger(__name__)
MOST_FILES_A_DAY = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence goes. ``key``: file of the private key that signs it; None = not signed."""

    directory: Path
    key: Path | None = None


def log_evidence(evidence: Evidence) -> None:
    """One JSON object a probe, at debug level, without names."""
    body = document(evidence, 0, START, datetime.now(UTC))
    logger.debug("evidence %s", canonical_line({name: value for name, value in body.items() if name not in ("sequence", "previous")}))


class Recorder:
    """Called with each evidence, from any thread; raises nothing. ``now``: the time of day in UTC; ``told``: of each line, whether it was
    written."""

    def __init__(self, place: Place, now: Callable[[], datetime], told: Callable[[bool], None] = lambda _: None) -> None:
        """Raises EvidenceError when the key or the directory cannot be used."""
        self._directory, self._now, self._told = place.directory, now, told
        self._key: Ed25519PrivateKey | None = read_private_key(place.key) if place.key else None
        self._lock = threading.Lock()
        self._path, self._digest, self._failing = self._usable(self._today()), "", False

    def __call__(self, evidence: Evidence) -> None:
        log_evidence(evidence)
        with self._lock:
            self._told(self._write(evidence))

    def close(self) -> None:
        """Say how today's file ends, for a witness outside of it."""
        with self._lock:
            self._say_end()

    def _write(self, evidence: Evidence) -> bool:
        try:
            if not self._path.name.startswith(self._today()):
                self._say_end()
                self._path, self._digest = self._usable(self._today()), ""
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
            self._path = self._usable(self._today())
            return EvidenceFile(self._path, self._key).append(evidence)

    def _today(self) -> str:
        return f"evidence-{self._now():%Y-%m-%d}"

    def _usable(self, stem: str) -> Path:
        """The day's file; another one where a process that was killed has left a line cut short. Raises EvidenceError."""
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
        raise EvidenceError(f"{self._directory}: {MOST_FILES_A_DAY} files of {stem} are damaged: look at what is wrong with that volume")

    def _new(self, path: Path) -> Path:
        """A file that there is not yet, and may be: an empty one would be no evidence, so it is made with its first line."""
        try:
            with tempfile.TemporaryFile(dir=self._directory):
                return path
        except OSError as problem:
            raise EvidenceError(f"{self._directory}: {problem.strerror}") from None

    def _say_end(self) -> None:
        if self._digest:
            logger.info("evidence: %s ends with the line of digest %s (jenkins2fa verify --ends)", self._path, self._digest)
            self._digest = ""
