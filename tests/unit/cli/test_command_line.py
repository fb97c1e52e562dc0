"""The command line as a whole: what it offers, and how little it loads to say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from jenkins2fa.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[3]


def test_every_command_can_be_loaded_and_is_documented() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"{name} " in result.output
        assert entry.summary in " ".join(result.output.split())
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_version_and_unknown_command() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == "jenkins2fa 0.1.0\n"
    assert CliRunner().invoke(main, ["validat"]).exit_code == 1


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from jenkins2fa.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "operator", check=True)
    loaded = set(result.stderr.split())
    assert "click" in loaded
    assert not loaded & {"kopf", "kubernetes", "requests", "jsonschema", "yaml", "rich", "deepdiff", "prometheus_client"}
