"""Preparing a part: once, completely or not at all, and again when its sources change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tools import prepare

PROGRAM = """
import pathlib, sys, time
from tools import prepare

def make(folder, run):
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(0.5)
    (folder / "result").write_text("whole")

folder = prepare.prepared(prepare.Part("slow", (), (), make), quiet=True)
print((folder / "result").read_text())
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JENKINS2FA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def part(*facts: str, steps: list[str] | None = None) -> prepare.Part:
    def make(folder: Path, run: prepare.Run) -> None:
        assert not list(folder.iterdir())
        (folder / "result").write_text("whole")
        if steps is not None:
            steps.append("made")

    return prepare.Part("part", (), facts, make)


def test_a_part_is_built_once() -> None:
    steps: list[str] = []
    first = prepare.prepared(part(steps=steps), quiet=True)
    assert prepare.prepared(part(steps=steps), quiet=True) == first
    assert steps == ["made"]


def test_a_changed_fact_rebuilds_the_part() -> None:
    assert prepare.prepared(part("3.11"), quiet=True) != prepare.prepared(part("3.12"), quiet=True)


def test_a_changed_source_rebuilds_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "CHECKOUT", tmp_path)
    source = tmp_path / "main.go"
    folders = set()
    for text in ("package one", "package two"):
        source.write_text(text)
        folders.add(prepare.Part("part", (source,), (), part().make).folder())
    assert len(folders) == 2


def test_an_incomplete_part_of_an_interrupted_run_is_not_used() -> None:
    half = part().folder()
    half.mkdir(parents=True)
    (half / "result").write_text("ha")
    assert (prepare.prepared(part(), quiet=True) / "result").read_text() == "whole"


def test_a_failed_part_is_built_again() -> None:
    def fail(folder: Path, run: prepare.Run) -> None:
        raise prepare.Failed("no")

    broken = prepare.Part("part", (), (), fail)
    for _ in range(2):
        with pytest.raises(prepare.Failed):
            prepare.prepared(broken, quiet=True)


def test_two_concurrent_runs_build_a_part_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", PROGRAM, str(log)]
    runs = [subprocess.Popen(command, cwd=prepare.CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate()[0].strip() for run in runs] == ["whole", "whole"]
    assert log.read_text() == "made\n"


def test_a_failing_step_shows_the_end_of_its_output() -> None:
    def make(folder: Path, run: prepare.Run) -> None:
        run("do it", ["sh", "-c", "echo the reason; exit 3"], usually="1 s")

    with pytest.raises(prepare.Failed, match=r"(?s)do it: `sh` ended with 3.*the reason"):
        prepare.prepared(prepare.Part("part", (), (), make), quiet=True)


def test_parts_unused_for_long_are_removed() -> None:
    old = prepare.prepared(part("old"), quiet=True)
    long_ago = time.time() - 40 * 86_400
    os.utime(old / prepare.COMPLETE, (long_ago, long_ago))
    kept = prepare.prepared(part("kept"), quiet=True)
    prepare.prepared(part("new"), quiet=True)
    assert not old.exists()
    assert kept.exists()


@pytest.mark.parametrize(
    ("name", "missing", "way_out"),
    [
        ("kube", "go", "install Go 1.26"),
        ("stand-in", "java", "install a JDK 17"),
        ("stand-in", "javac", "a JRE alone has no compiler"),
        ("stand-in", "mvn", "install Maven"),
    ],
)
def test_a_missing_program_is_named_with_what_to_do(
    name: str, missing: str, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in {"go", "java", "javac", "mvn"} - {missing}:
        shutil.copy("/bin/true", programs / program)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(sys, "argv", ["prepare.py", name])
    assert prepare.main() == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"{name}: `{missing}` was not found: ")
    assert way_out in last


def test_an_outdated_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("java", "javac", "mvn"):
        (programs / program).write_text("""#!/bin/sh\necho 'openjdk version "11.0.2" 2019-01-15' >&2\n""")
        (programs / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin")
    monkeypatch.setattr(sys, "argv", ["prepare.py", "stand-in"])
    assert prepare.main() == 1
    assert 'a JDK 17 or newer is needed: install it (openjdk version "11.0.2" 2019-01-15)' in capsys.readouterr().err


def test_parts_are_prepared_side_by_side_and_one_that_fails_spares_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of the two waits until the other has begun."""
    meet = threading.Barrier(2)

    def make(folder: Path, run: prepare.Run) -> None:
        meet.wait(10)
        (folder / "result").write_text("whole")

    def fail(folder: Path, run: prepare.Run) -> None:
        meet.wait(10)
        raise prepare.Failed("`tool` was not found: install it")

    made = {"kube": prepare.Part("kube", (), (), make), "venv": prepare.Part("venv", (), (), fail)}
    monkeypatch.setattr(prepare, "parts", lambda: made)
    monkeypatch.setattr(sys, "argv", ["prepare.py", "--print", "kube", "venv"])
    assert prepare.main() == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(made["kube"].folder())]
    assert "venv: `tool` was not found: install it" in said.err.splitlines()
