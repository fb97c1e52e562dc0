"""constraints.txt pins the dependencies of pyproject.toml, locks/ has their hashes, and neither names a registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it, without extras, version and marker."""
    found = re.match(r"[A-Za-z0-9._-]+", name)
    assert found, name
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def pins() -> list[str]:
    lines = (line.strip() for line in (CHECKOUT / "constraints.txt").read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    assert {normal(name) for name in wanted} <= {normal(pin) for pin in pins()}


def test_pins_are_exact_and_name_no_index() -> None:
    for pin in pins():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+( ; .+)?", pin), pin
        assert "://" not in pin


def entries(lock: str) -> dict[str, str]:
    """The entries of a lock file by package; the lines after an entry's first are indented."""
    text = re.sub(r"(?m)^#.*\n", "", (CHECKOUT / "locks" / f"{lock}.txt").read_text())
    found = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
    return {entry.split("\\")[0].strip(): entry for entry in found}


@pytest.mark.parametrize("lock", ["run", "build", "dev", "bench"])
def test_locks_have_the_pinned_versions_with_hashes_and_name_no_index(lock: str) -> None:
    found = entries(lock)
    assert found.keys() <= set(pins())
    for entry in found.values():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry


def test_every_lock_has_hashes_and_exact_versions() -> None:
    for path in (CHECKOUT / "locks").iterdir():
        for name, entry in entries(path.stem).items():
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+( ; .+)?", name), (path.name, name)
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), (path.name, name)
            assert "://" not in entry


def test_each_lock_has_the_packages_it_is_for() -> None:
    declared = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    names = {lock: {normal(pin) for pin in entries(lock)} for lock in ("run", "build", "dev")}
    assert {normal(name) for name in declared["project"]["dependencies"]} <= names["run"]
    assert {normal(name) for name in declared["build-system"]["requires"]} <= names["build"]
    assert {normal(name) for name in declared["project"]["optional-dependencies"]["dev"]} <= names["dev"]
    assert names["run"] | names["build"] <= names["dev"]
