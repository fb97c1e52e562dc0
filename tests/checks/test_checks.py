"""Lint, types and derived files as tests, so that one command and one summary cover everything."""

from __future__ import annotations

import pytest

from tools.check import CHECKS, run


@pytest.mark.parametrize("name", CHECKS)
def test_check_passes(name: str) -> None:
    passed, output = run(CHECKS[name])
    assert passed, f"make {name if name != 'derived' else 'check-derived'}\n{output}"
