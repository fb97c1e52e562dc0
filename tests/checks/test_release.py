"""Release artifacts are reproducible, complete, and only under allowed licences."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools import release, supply

CHECKOUT = Path(__file__).resolve().parents[2]
EPOCH = 1_700_000_000
TOP = ("operator", "crds", "schemas", "locks", "docs", "charts", "config", "deploy", "examples")


def packages_of(checkout: Path, output: Path) -> dict[str, bytes]:
    """Wheel and source archive of a checkout, by suffix."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(output)]
    subprocess.run(command, cwd=checkout, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}, check=True, capture_output=True)
    return {path.suffix: path.read_bytes() for path in output.iterdir()}


def copied(target: Path, mode: int, day: int) -> Path:
    """A copy of the checkout in another place, with other file modes and times."""
    target.mkdir(parents=True)
    for name in TOP:
        shutil.copytree(CHECKOUT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in CHECKOUT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, target)
    for path in target.rglob("*"):
        if path.is_file():
            path.chmod(mode)
            os.utime(path, (day, day))
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The packages, built from two copies that differ in everything but content."""
    root = tmp_path_factory.mktemp("release")
    one = packages_of(copied(root / "one", 0o644, 1_600_000_000), root / "first")
    two = packages_of(copied(root / "deeper" / "two", 0o600, 1_650_000_000), root / "second")
    return one, two


@pytest.mark.parametrize("suffix", [".whl", ".gz"])
def test_packages_are_reproducible(built: tuple[dict[str, bytes], dict[str, bytes]], suffix: str) -> None:
    assert built[0][suffix] == built[1][suffix]


def test_the_wheel_has_scripts_crds_schemas_and_licence(built: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(built[0][".whl"])
    names = set(zipfile.ZipFile(tmp_path / "a.whl").namelist())
    scripts = {f"jenkins2fa/jenkins/groovy/{path.name}" for path in (CHECKOUT / "operator/jenkins2fa/jenkins/groovy").glob("*.groovy")}
    kinds = {f"jenkins2fa/data/crds/{path.name}" for path in (CHECKOUT / "crds").glob("*.yaml")}
    assert scripts | kinds <= names
    assert {"LICENSE", "NOTICE", "THIRD-PARTY.md"} <= {Path(name).name for name in names if ".dist-info/licenses/" in name}


def test_a_wheel_from_the_source_archive_is_identical(built: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(built[0][".gz"])
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    again = packages_of(next((tmp_path / "unpacked").iterdir()), tmp_path / "again")
    assert again[".whl"] == built[0][".whl"]


def test_the_chart_archive_is_complete_and_reproducible(tmp_path: Path) -> None:
    first = release.chart_archive(EPOCH)
    assert first == release.chart_archive(EPOCH)
    (tmp_path / "chart.tgz").write_bytes(first)
    with tarfile.open(tmp_path / "chart.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    root = CHECKOUT / "charts" / release.CHART
    packed = {path.relative_to(tmp_path / release.CHART) for path in (tmp_path / release.CHART).rglob("*") if path.is_file()}
    assert packed == {path.relative_to(root) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("changelog", "status", "said"),
    [
        ("## 0.1.0 (unreleased)", "", ["CHANGELOG.md"]),
        ("## 0.1.0 (2026-12-01)", " M README.md", ["differ"]),
        ("## 0.1.0 (2026-12-01)", "", []),
        ("## 0.10.0 (2026-12-01)", "", ["CHANGELOG.md"]),
    ],
)
def test_an_unfinished_release_is_refused(changelog: str, status: str, said: list[str]) -> None:
    found = release.problems("0.1.0", changelog, status)
    assert len(found) == len(said)
    assert all(word in text for word, text in zip(said, found, strict=True))


def test_the_bill_of_materials_has_every_package_and_its_dependencies() -> None:
    found = supply.packages(CHECKOUT / "locks" / "run.txt")
    text = supply.bill(found, datetime.fromtimestamp(EPOCH, UTC))
    assert text == supply.bill(found, datetime.fromtimestamp(EPOCH, UTC))
    bom = json.loads(text)
    assert {(one["name"], one["version"]) for one in bom["components"]} == {(one.name, one.version) for one in found}
    assert all(one["licenses"] and one["externalReferences"] for one in bom["components"])
    needs = {one["ref"]: one.get("dependsOn", []) for one in bom["dependencies"]}
    ours = needs[bom["metadata"]["component"]["bom-ref"]]
    assert any(reference.startswith("pkg:pypi/kopf@") for reference in ours)
    reached, open_ones = set(), list(ours)
    while open_ones:
        reached.add(one := open_ones.pop())
        open_ones += [other for other in needs[one] if other not in reached]
    assert reached == needs.keys() - {bom["metadata"]["component"]["bom-ref"]}, "a package that no other needs"


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", False),
        ("Apache-2.0 OR BSD-3-Clause", False),
        ("MIT AND GPL-3.0-only", True),
        ("AGPL-3.0-or-later", True),
        ("MIT OR GPL-2.0-only", True),
    ],
)
def test_a_licence_that_is_not_allowed_is_found(licence: str, refused: bool) -> None:
    package = supply.Package("some", "1", licence, (), ())
    assert bool(supply.forbidden([package])) is refused
