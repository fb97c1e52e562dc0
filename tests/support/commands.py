"""Calls `jenkins2fa` within this process: exit code, standard output and standard error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from tests.support.managed import QUESTIONS, Managed
from tests.support.specs import spelled_out

API = "jenkins2fa.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def plan(self) -> Any:
        """The one plan in the document that `plan -o json` prints."""
        (row,) = self.document["instances"]
        return row["plan"]


class Commands:
    """Calls `jenkins2fa` with an account in the environment; `folder` is where files are written."""

    def __init__(self, folder: Path, managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.managed = folder, managed
        username, token = managed.account
        for name, value in {"JENKINS_URL": managed.connection.url, "JENKINS_USER": username, "JENKINS_TOKEN": token}.items():
            monkeypatch.setenv(name, value)

    def run(self, *arguments: str | Path, text: str | None = None, environment: dict[str, str] | None = None) -> Ended:
        """`text` is standard input."""
        result = CliRunner().invoke(main, [str(one) for one in arguments], input=text, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def policy(self, name: str = "policy", **spec: Any) -> Path:
        """A file with one policy: `QUESTIONS` with the given fields instead; None leaves a field out."""
        wanted = {key: value for key, value in {**QUESTIONS, **spec}.items() if value is not None}
        return self.write(f"{name}.yaml", {"kind": "TwoFactorPolicy", "metadata": {"name": name}, "spec": spelled_out(wanted)})

    def instance(self, name: str = "jenkins", **spec: Any) -> Path:
        """A file with one instance at this Jenkins."""
        wanted = {"url": self.managed.connection.url, "credentialsRef": {"name": "admin"}, "gate": {"mode": "None"}, **spec}
        return self.write(f"{name}.yaml", {"kind": "JenkinsInstance", "metadata": {"name": name}, "spec": wanted})

    def write(self, name: str, body: dict[str, Any]) -> Path:
        file = self.folder / name
        file.write_text(json.dumps({"apiVersion": API, **body}, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
        return file

    def secret(self, host: str, name: str = "admin", token: str = "$(JENKINS_TOKEN)") -> Path:
        """A file with the Secret `name` for --secrets; its account may be sent to `host` only."""
        data = {"host": host, "username": "admin", "token": token}
        return self.write(f"secret-{name}.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
