"""Run the checks that are not tests: `python tools/check.py [--write] [lint] [types] [derived]`; by default all of them.

tests/checks runs the same ones, so each check is defined only here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TYPED_TOOLS = [f"tools/{name}.py" for name in ("prepare", "check", "lock", "supply", "release")]

CHECKS: dict[str, list[list[str]]] = {
    "lint": [["-m", "ruff", "check", "--quiet", "--output-format=concise", "."]],
    "types": [["-m", "mypy"], ["-m", "mypy", "--no-incremental", *TYPED_TOOLS]],
    "derived": [["tools/derive.py", "--check"]],
    "licences": [["tools/supply.py", "--check"]],
}
WRITERS: dict[str, list[list[str]]] = {
    "lint": [["-m", "ruff", "check", "--fix", "."]],
    "derived": [["tools/derive.py"], ["tools/supply.py"]],
}


def run(commands: list[list[str]]) -> tuple[bool, str]:
    """Run Python commands in the checkout. Returns whether all succeeded, and their output."""
    results = [
        subprocess.run([sys.executable, *command], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in commands
    ]
    return all(result.returncode == 0 for result in results), "".join(result.stdout for result in results)


def main() -> int:
    """Run the named checks; exit code 0 if all passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help="put right what can be put right by a program")
    parser.add_argument("check", nargs="*", choices=[*CHECKS, []], help="default: all")
    arguments = parser.parse_args()
    commands = WRITERS if arguments.write else CHECKS
    failed = []
    for name in arguments.check or commands:
        passed, output = run(commands.get(name, []))
        print(f"{name}: {'passed' if passed else 'FAILED'}")
        if output.strip() and not (passed and not arguments.write):
            print(output.rstrip())
        if not passed:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
