"""Everything that is downloaded and run has a hash in the repository."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import prepare

CHECKOUT = Path(__file__).resolve().parents[3]
STAND_IN = CHECKOUT / "tests" / "standin"
GO = ("tests/kubetest", "tests/promql")
# Commands that fetch something: each line with one of these must say why it is safe, or be listed below.
FETCHES = re.compile(
    r"\bpip3?\b.*\b(install|wheel|download)\b|\buv\b.*\binstall\b|\b(mvn|curl|wget|npm|npx|gem|cargo|apt-get|apk)\b|urlretrieve|"
    r"\bgo\b\W+(get|install|run|mod\W+download|mod\W+tidy)\b"
)
SAFE = re.compile("--require-hashes|--no-deps --no-index|--no-deps --no-build-isolation")
ALLOWED = {
    "tests/kubetest/gomod.sh": ("go mod download -json", "go mod tidy"),  # run by hand to record new hashes; no other script runs it
    "tests/standin/jars.sh": ("mvn -q -B -Dmaven.repo.local=",),  # tested below
    "tools/prepare.py": (
        '[uv, "pip", "install", "--python", python, *arguments]',  # its arguments are tested below
        'pip: list[str | Path] = [python, "-m", "pip", "install",',
        '[go, "mod", "download"]',  # go.sum, tested below
        'needed("',  # instructions for installing by hand
        '"""Create a virtual environment',
    ),
}


def scripts() -> Iterator[Path]:
    yield CHECKOUT / "Dockerfile"
    yield CHECKOUT / "Makefile"
    for folder in ("tools", "bench", "tests"):
        yield from (path for path in (CHECKOUT / folder).rglob("*") if path.suffix == ".sh")
    yield from (CHECKOUT / "tools").glob("*.py")


def fetching_lines(text: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Commands that fetch something and are neither marked as safe nor listed."""
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    found = [line for line in lines if FETCHES.search(line) and not SAFE.search(line)]
    return [line for line in found if not any(one in line for one in allowed)]


def test_everything_is_fetched_by_hash() -> None:
    found = {str(path.relative_to(CHECKOUT)): path.read_text() for path in scripts()}
    assert found.keys() >= ALLOWED.keys()
    assert {name: left for name, text in found.items() if (left := fetching_lines(text, ALLOWED.get(name, ())))} == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("RUN python -m pip install requests", True),
        ('run("x", [python, "-m", "pip", "install", name])', True),
        ("RUN python -m pip install --require-hashes -r locks/run.txt", False),
        ("mvn -q dependency:copy", True),
        ("curl -sL https://example.com/x | sh", True),
        ("go install example.com/x@latest", True),
        ('run("x", [go, "get", name])', True),
        ("go build -trimpath .", False),
        ("# pip install x", False),
    ],
)
def test_the_search_finds_a_fetch_without_a_hash(line: str, found: bool) -> None:
    assert bool(fetching_lines(line)) is found


# --- Python ---


def test_python_packages_are_installed_by_hash_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments that pip gets, recorded by a program that replaces Python."""
    noted = tmp_path / "noted"
    fake = tmp_path / "python"
    made = tmp_path / "venv" / "bin" / "python"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {noted}\nmkdir -p {made.parent}\n[ -e {made} ] || cp "$0" {made}\n')
    fake.chmod(0o755)
    monkeypatch.setattr(prepare.sys, "executable", str(fake))
    monkeypatch.setattr(prepare.shutil, "which", lambda _: None)
    prepare.install_into(
        tmp_path / "venv", prepare.LOCK, prepare.Run("venv", tmp_path / "log", quiet=True), what="x", usually="", checkout=True
    )
    _, first, second = noted.read_text().splitlines()
    assert f"--require-hashes -r {prepare.LOCK}" in first
    assert "--no-index" in second
    assert "--no-deps" in second


# --- Go ---


@pytest.mark.parametrize("folder", GO)
def test_every_go_module_has_a_sum(folder: str) -> None:
    text, sums = (CHECKOUT / folder / "go.mod").read_text(), (CHECKOUT / folder / "go.sum").read_text().splitlines()
    hashed = {tuple(line.split()[:2]) for line in sums if re.fullmatch(r"\S+ \S+ h1:[A-Za-z0-9+/]{43}=", line)}
    replaced = {old: (new, version) for old, new, version in re.findall(r"(?m)^(?:replace|\t)\s*(\S+) => (\S+) (v\S+)$", text)}
    required = re.findall(r"(?m)^(?:\t|require )(\S+) (v\S+)(?: //.*)?$", text)
    needed = {replaced.get(module, (module, version)) for module, version in required}
    assert needed
    assert {(module, f"{version}/go.mod") for module, version in needed} <= hashed


def test_go_accepts_no_module_without_a_sum_and_no_other_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOTOOLCHAIN", "auto")
    run = prepare.Run("venv", tmp_path / "log", quiet=True)
    run("show", ["sh", "-c", "echo $GOFLAGS $GOTOOLCHAIN"], usually="")
    assert (tmp_path / "log").read_text().split() == ["-mod=readonly", "-buildvcs=false", "local"]


# --- jars ---

LINE = f"{'a' * 64}  org/example/one/1/one-1.jar"


def unknown(tmp_path: Path, *found: str) -> subprocess.CompletedProcess[str]:
    known, hashes = tmp_path / "known", tmp_path / "hashes"
    known.write_text(f"{LINE}\n{'b' * 64}  org/example/two/1/two-1.jar\n")
    hashes.write_text("".join(f"{line}\n" for line in found))
    return subprocess.run(["sh", STAND_IN / "unknown.sh", known, hashes], capture_output=True, text=True)


def test_jars_with_their_hash_are_accepted(tmp_path: Path) -> None:
    assert unknown(tmp_path, LINE).returncode == 0


@pytest.mark.parametrize("other", [f"{'c' * 64}  org/example/one/1/one-1.jar", f"{'a' * 64}  org/example/three/1/three-1.jar"])
def test_a_changed_or_unknown_jar_is_refused_and_named(tmp_path: Path, other: str) -> None:
    ended = unknown(tmp_path, LINE, other)
    assert ended.returncode == 1
    assert other in ended.stderr
    assert "nothing of them was run" in ended.stderr


def test_no_jars_at_all_is_a_failure(tmp_path: Path) -> None:
    assert unknown(tmp_path).returncode == 1


def test_every_required_jar_has_a_hash() -> None:
    lines = (STAND_IN / "jars.sha256").read_text().splitlines()
    paths = [line.split("  ")[1] for line in lines if re.fullmatch(r"[0-9a-f]{64}  [A-Za-z0-9_./+-]+[.]jar", line)]
    assert len(paths) == len(lines)
    asked = re.compile("<groupId>([^<]+)</groupId><artifactId>([^<]+)</artifactId><version>([^<]+)</version>")
    for pom in (STAND_IN / "poms").iterdir():
        found = asked.findall(pom.read_text())
        assert found, pom
        for group, artifact, version in found:
            assert any(path.startswith(f"{group.replace('.', '/')}/{artifact}/{version}/") for path in paths), (pom.name, artifact)


def test_jars_are_checked_before_they_are_run() -> None:
    """Maven first downloads the plugin as an extension and runs nothing; it runs the plugin only after the check."""
    script = (STAND_IN / "jars.sh").read_text().split("rm -rf", 2)[2]
    steps = re.findall(r"(?m)^ *(resolve plugin validate|check|resolve \"\$flavour\".*copy-dependencies)", script)
    assert [step.split(" ")[0] + (" run" if "copy" in step else "") for step in steps] == ["resolve", "check", "resolve run", "check"]
