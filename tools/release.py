"""Build all files of a release into an empty folder: `python tools/release.py [--output dist] [--rehearsal]`. It publishes nothing.

Wheel, source archive, chart, CRDs, bill of materials and SHA256SUMS. The same commit gives the same bytes, wherever and whenever it
is built: all times in the files are that of the commit (or SOURCE_DATE_EPOCH, if set).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CHART = "jenkins-2fa-operator"


class Refused(Exception):
    """This checkout cannot be released; the message says why, and what to do."""


def output_of(*command: str, environment: dict[str, str] | None = None) -> str:
    """Standard output of a command that runs in the checkout; raises Refused with the end of its output."""
    result = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise Refused(f"`{' '.join(command[:3])} ...` ended with {result.returncode}: {(result.stderr or result.stdout).strip()[-1500:]}")
    return result.stdout.strip()


def version() -> str:
    """The version in pyproject.toml (tests/unit/repository/test_chart_dockerfile.py compares the other places)."""
    found: str = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    return found


def problems(number: str, changelog: str, status: str) -> list[str]:
    """Reasons not to release. `status`: output of `git status --short`."""
    found = []
    if status:
        found.append("files differ from the commit: commit or remove them")
    if not re.search(rf"(?m)^## {re.escape(number)} \(\d{{4}}-\d\d-\d\d\)$", changelog):
        found.append(f"CHANGELOG.md has no heading `## {number} (YYYY-MM-DD)`: give it the day of the release")
    return found


def build_packages(output: Path, epoch: int) -> None:
    """Wheel and source archive, built without isolation, so with the packages that the lock installed."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    output_of(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(output), environment=environment)


def chart_archive(epoch: int) -> bytes:
    """The chart as Helm's archive, independent of date, user and order of files."""
    root = CHECKOUT / "charts" / CHART
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        files = sorted((path for path in root.rglob("*") if path.is_file()), key=lambda path: path.relative_to(root).as_posix())
        for path in files:
            entry = tarfile.TarInfo(f"{CHART}/{path.relative_to(root).as_posix()}")
            content = path.read_bytes()
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=epoch)


def check_chart(archive: Path) -> None:
    """Raise unless Helm itself can read and render the chart."""
    prepared = output_of(sys.executable, "tools/prepare.py", "--quiet", "--print", "kube")
    output_of(str(Path(prepared) / "helm"), "template", "release", str(archive), "--set", "image.repository=registry.example.com/x")


def write_checksums(output: Path) -> list[str]:
    """SHA256SUMS, in the form that `sha256sum --check` reads; returns its lines."""
    files = sorted(path for path in output.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    (output / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    return lines


def build(output: Path, epoch: int) -> list[str]:
    """Every file of the release; returns the lines of SHA256SUMS."""
    number = version()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    build_packages(output, epoch)
    archive = output / f"{CHART}-{number}.tgz"
    archive.write_bytes(chart_archive(epoch))
    check_chart(archive)
    kinds = "---\n".join(path.read_text() for path in sorted((CHECKOUT / "crds").glob("*.yaml")))
    (output / f"{CHART}-{number}-crds.yaml").write_text(kinds)
    sbom = output / f"{CHART}-{number}.cdx.json"
    output_of(sys.executable, "tools/supply.py", "--sbom", str(sbom), "--epoch", str(epoch))
    return write_checksums(output)


def main() -> int:
    """Build the release. Exit code 1, with the reasons, if that is refused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--output", type=Path, default=CHECKOUT / "dist", help="folder, emptied first (default dist)")
    parser.add_argument("--rehearsal", action="store_true", help="build in spite of uncommitted files and an undated changelog")
    arguments = parser.parse_args()
    try:
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or output_of("git", "log", "-1", "--format=%ct"))
        against = problems(version(), (CHECKOUT / "CHANGELOG.md").read_text(), output_of("git", "status", "--short"))
        if against and not arguments.rehearsal:
            raise Refused("\n".join(against))
        print("\n".join(build(arguments.output.resolve(), epoch)))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
