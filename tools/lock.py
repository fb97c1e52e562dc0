"""Write constraints.txt (versions) and locks/*.txt (hashes) from pyproject.toml. Needs uv.

`python tools/lock.py [--upgrade]`

Versions stay as they are if pyproject.toml allows; --upgrade takes the newest. No file depends on the machine that wrote it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
UNIVERSAL = ("--universal", "--python-version", "3.11", "--no-emit-index-url", "--no-annotate", "--no-header", "--quiet")
LOCKS = {
    "run": "what the operator and the command line run with: the image installs exactly this",
    "build": "what builds the wheel",
    "dev": "what the tests, checks and tools run with: tools/prepare.py installs exactly this",
    "bench": "the same, and what draws the pictures of the benchmarks",
}
SOURCES = {  # "-": the build system's requirements
    "run": ("pyproject.toml",),
    "build": ("-",),
    "dev": ("pyproject.toml", "--extra", "dev"),
    "bench": ("pyproject.toml", "--extra", "dev", "--extra", "bench"),
}
VERSIONS_HEAD = """\
# Versions that everything here was run with; locks/ has the hashes of their files.
# Made by `make lock` (tools/lock.py): change pyproject.toml, not this.
"""


def main() -> int:
    """Write the files; exit code 0, or uv's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade = parser.parse_args().upgrade
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    versions = CHECKOUT / "constraints.txt"
    extras = [flag for extra in project["project"]["optional-dependencies"] for flag in ("--extra", extra)]
    try:
        kept = [] if upgrade else ["--constraints", str(versions)]
        versions.write_text(VERSIONS_HEAD + compiled("pyproject.toml", *extras, *kept))
        (CHECKOUT / "locks").mkdir(exist_ok=True)
        for name, meaning in LOCKS.items():
            hashed = ("--generate-hashes", "--constraints", str(versions))
            text = compiled(*SOURCES[name], *hashed, given="\n".join(project["build-system"]["requires"]))
            (CHECKOUT / "locks" / f"{name}.txt").write_text(f"# Made by `make lock`: {meaning}.\n{text}")
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return int(error.returncode)
    return 0


def compiled(*arguments: str, given: str = "") -> str:
    """The output of uv; raises CalledProcessError."""
    command = ["uv", "pip", "compile", *UNIVERSAL, *arguments]
    return subprocess.run(command, cwd=CHECKOUT, check=True, input=given, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
