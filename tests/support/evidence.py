"""A folder of signed evidence, with both keys, and `jenkins2fa verify` as an auditor calls it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from jenkins2fa.cli.main import main


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """`kept`: the operator's evidence directory. `private`, `public`: the key files."""

    kept: Path
    private: Path
    public: Path

    @classmethod
    def prepare(cls, folder: Path) -> Self:
        made = cls(folder / "kept", folder / "private.pem", folder / "public.pem")
        made.kept.mkdir()
        key = Ed25519PrivateKey.generate()
        made.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return made

    @property
    def options(self) -> tuple[str, ...]:
        return ("--evidence-directory", str(self.kept), "--evidence-key", str(self.private))

    def files(self) -> list[Path]:
        return sorted(self.kept.iterdir())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for file in self.files() for line in file.read_text().splitlines()]

    def verify(self, *files: Path) -> tuple[int, str]:
        """Exit code and output; without `files`, of all files."""
        ended = CliRunner().invoke(main, ["verify", "--key", str(self.public), *map(str, files or self.files())])
        return ended.exit_code, ended.output
