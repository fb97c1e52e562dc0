"""Pipeline recipes and pages match the commands: every option exists, and every shell command can be parsed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from jenkins2fa.api.meta import Key
from jenkins2fa.cli.kubectl.command import twofactor
from jenkins2fa.cli.main import main
from jenkins2fa.cli.plan.output import MARKER
from jenkins2fa.cli.plan.sources import SecretFiles

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = ROOT / "examples" / "pipelines"
PAGES = [ROOT / "docs" / f"{name}.md" for name in ("gitops", "first-policy", "operations")]
WORKFLOW = PIPELINES / "github-actions" / "two-factor.yaml"
COMMAND = re.compile(r"(jenkins2fa|kubectl twofactor) ([a-z-]+)([^`|#>\n]*)")


def steps() -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(WORKFLOW.read_text())["jobs"].values():
        yield from job["steps"]


def commands() -> list[tuple[str, str, str]]:
    texts = [page.read_text() for page in PAGES] + [step["run"] for step in steps() if "run" in step]
    texts.append(yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]["entry"])
    return sorted({found for text in texts for found in COMMAND.findall(text)})


@pytest.mark.parametrize(("program", "name", "rest"), commands(), ids=lambda text: text.strip()[:40])
def test_every_command_and_option_exists(program: str, name: str, rest: str) -> None:
    group: click.Group = main if program == "jenkins2fa" else twofactor
    command = group.get_command(click.Context(group), name)
    assert command is not None, f"{program} {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"(?<!\S)--?[a-zA-Z][a-z-]*", rest)) <= known


def test_there_are_commands_to_check() -> None:
    assert {name for _, name, _ in commands()} >= {"validate", "plan", "export", "apply", "why", "reconcile", "break-glass"}


def test_shell_commands_can_be_parsed() -> None:
    for step in steps():
        if "run" in step:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_the_workflow_finds_its_comment_and_trusts_the_target_branch() -> None:
    text = WORKFLOW.read_text()
    assert f'startswith("{MARKER}")' in text
    assert "--secrets trusted/" in text
    trusted = next(step for step in steps() if (step.get("with") or {}).get("path") == "trusted")
    assert trusted["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_nothing_is_installed_by_name_or_without_a_hash() -> None:
    """The project is on no registry: whoever registered its name there could run code in the job with the tokens."""
    installs = [step["run"] for step in steps() if re.search(r"\b(pip|pipx|uv|uvx)\b", step.get("run", ""))]
    assert len(installs) == 2
    for command in installs:
        assert re.fullmatch(r"pip install --require-hashes -r (trusted/)?pipelines/two-factor/requirements\.txt", command)
    plan = yaml.safe_load(WORKFLOW.read_text())["jobs"]["plan"]["steps"]
    assert [step["run"].split()[-1].split("/")[0] for step in plan if step.get("run", "").startswith("pip")] == ["trusted"]
    text = (PIPELINES / "requirements.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert re.fullmatch(r"jenkins-2fa-operator @ https://\S+\.whl --hash=sha256:[0-9a-f]{64}", lines[0])
    assert lines[1:] == ["-r run.txt"]
    assert (ROOT / "locks" / "run.txt").is_file()
    texts = {path: path.read_text() for path in (*PAGES, *PIPELINES.rglob("*")) if path.is_file()}
    assert [path for path, text in texts.items() if re.search(r"install jenkins-2fa-operator\b", text)] == []


def test_the_recipes_use_the_python_that_the_project_is_tested_with() -> None:
    matrix = (ROOT / "docs" / "support-matrix.md").read_text()
    tested = re.search(r"(?m)^\| Python, for the command line and the operator \| (3\.\d+) \|", matrix)
    assert tested
    used = [step["with"]["python-version"] for step in steps() if step.get("uses", "").startswith("actions/setup-python@")]
    hooks = yaml.safe_load((PIPELINES / "pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert used == [tested[1], tested[1]]
    assert [hook["language_version"] for hook in hooks] == [f"python{tested[1]}"]


def test_the_accounts_example_uses_the_tokens_that_the_workflow_provides(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = next(step for step in steps() if step.get("id") == "plan")
    for name in plan["env"]:
        monkeypatch.setenv(name, f"value of {name}")
    example = SecretFiles((str(PIPELINES / "plan-secrets.yaml"),), "default")
    tokens = [example.read("Secret", Key(*key))["token"] for key in (("team-a", "build-jenkins"), ("team-b", "release-jenkins"))]
    assert tokens == [f"value of {name}" for name in plan["env"]]


def test_the_package_installs_both_scripts() -> None:
    import tomllib
    from importlib import import_module

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"jenkins2fa", "kubectl-twofactor"}
    for target in scripts.values():
        module, _, function = target.partition(":")
        assert callable(getattr(import_module(module), function))
