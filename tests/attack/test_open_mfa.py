"""A sample of the attack on a Jenkins with OpenMFA, and whether it finds anything where there is something to find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.attack.open_mfa import PEOPLE, SECOND_FACTORS, Attack, started
from tests.support.standin import StandIn

SEED, CONTEXT = 20261129, "/ci"


@pytest.fixture(scope="module")
def jenkins() -> Iterator[StandIn]:
    with started(CONTEXT) as running:
        yield running


@pytest.mark.parametrize("drift", [{}, {"required": False, "users": ["carol"], "groups": ["authenticated"]}], ids=["as desired", "drifted"])
def test_nobody_is_let_in_who_must_not_be(jenkins: StandIn, drift: dict[str, Any]) -> None:
    attack = Attack(jenkins, CONTEXT, SEED)
    attack.enforce(**drift)
    found = attack.run(plain=0.25, odd=12)
    assert found.cases > 400
    assert found.let_in == []


def test_it_finds_what_a_jenkins_without_the_gate_lets_happen(jenkins: StandIn) -> None:
    attack = Attack(jenkins, CONTEXT, SEED, gated=False)
    attack.enforce()
    thief = next(one for one in PEOPLE if one.name == "password")
    found = attack.run(plain=0.3, odd=0, people=[thief], requests=SECOND_FACTORS).let_in
    effects = {effect for one in found for effect in one.effects}
    assert effects >= {"own secret", "in"}, found
