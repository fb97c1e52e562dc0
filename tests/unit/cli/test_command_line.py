"""The command line as a whole: its commands and help, and that showing help imports nothing heavy."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from jenkins2fa.cli.kubectl.command import twofactor
from jenkins2fa.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS: dict[str, click.Group] = {"jenkins2fa": main, "kubectl twofactor": twofactor}


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words that call each command, groups left out."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def find(words: tuple[str, ...]) -> click.Command:
    program, *names = words
    command: click.Command | None = PROGRAMS[program]
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


ALL = [words for program, group in PROGRAMS.items() for words in commands(group, (program,))]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_fits_a_terminal_and_names_examples_and_exit_codes(words: tuple[str, ...]) -> None:
    text = CliRunner().invoke(PROGRAMS[words[0]], [*words[1:], "--help"], terminal_width=80).output
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert re.search(r"Exit codes: 0 .+\n +1 ", text)
    assert re.search(rf"Examples?:\n    .*{words[0]} ", text)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_examples_in_help_are_valid_calls(words: tuple[str, ...]) -> None:
    call = " ".join(words)
    command = find(words)
    examples = [line.split(call, 1)[1] for line in (command.help or "").splitlines() if line.startswith("  ") and call in line]
    assert examples, call
    for example in examples:
        command.make_context(words[-1], shlex.split(example))  # raises on an unknown option or value


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


@pytest.mark.parametrize(
    "line", ["gate render examples/smallest.yaml", "run --evidence-key key", "verify --ends ends a.jsonl b.jsonl", "plan --no-such-option"]
)
def test_wrong_usage_is_exit_code_1_wherever_it_is_found(line: str) -> None:
    result = CliRunner().invoke(PROGRAMS["jenkins2fa"], line.split(), env={"JENKINS_USER": ""})
    assert [result.exit_code, "Error: " in result.output] == [1, True]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["plan"], "Missing argument 'FILE|FOLDER|-...'"),
        (["audit", "--timeout", "soon", "x"], "Invalid value for '--timeout'"),
        (["plan", "--url"], "requires an argument"),
        (["validat"], "No such command 'validat'"),
    ],
)
def test_wrong_usage_is_named(words: list[str], problem: str) -> None:
    assert problem in CliRunner().invoke(main, words).output
