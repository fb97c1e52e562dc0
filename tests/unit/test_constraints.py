"""constraints.txt pins what pyproject.toml asks for, and nothing in it points at one registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


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
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {normal(name) for name in wanted} <= {normal(pin) for pin in pins()}


def test_pins_are_exact_and_name_no_place() -> None:
    for pin in pins():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+( ; .+)?", pin), pin
        assert "://" not in pin
