"""Runs of ``jenkins2fa validate``, and the findings in one object."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from jenkins2fa.cli.main import main
from jenkins2fa.cli.manifests import Manifest, parse_manifests
from jenkins2fa.cli.validate import FileFinding, check

HEAD = "apiVersion: jenkins2fa.dev/v1alpha1\nkind: TwoFactorPolicy\nmetadata: {name: sample}\n"


def run(*arguments: str, input: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], input=input)


def lines(text: str | bytes) -> list[str]:
    """The lines that are printed for a file with this content, without the summary."""
    result = run("-", input=text)
    assert result.exit_code in (0, 3), result.output
    assert result.exit_code == (3 if len(result.output.splitlines()) > 1 else 0)
    return [line.removeprefix("standard input:") for line in result.output.splitlines()[:-1]]


def findings(body: dict[str, Any]) -> list[FileFinding]:
    (manifest,) = parse_manifests("sample.json", json.dumps(body).encode())
    assert isinstance(manifest, Manifest)
    return check(manifest)
