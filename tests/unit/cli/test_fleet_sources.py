"""Objects of a cluster that cannot be used, as a fleet's plan takes them."""

from __future__ import annotations

from jenkins2fa.api.parse import parse_instance
from jenkins2fa.cli.plan.sources import governing_policies
from jenkins2fa.core.precedence import resolve
from tests.unit.controller.test_store import instance, policy


def test_a_policy_that_cannot_be_used_keeps_its_instances_from_the_next_one() -> None:
    notes: list[str] = []
    bodies = {("team", "broken"): policy("broken", spec={"mode": "Perhaps", "priority": 5}), ("team", "next"): policy("next")}
    found = governing_policies(bodies, notes)
    winner = resolve(parse_instance(instance()), found, {}).winner
    assert winner is not None
    assert [winner.meta.name, winner.invalid] == ["broken", True]
    assert len(notes) == 1
    assert notes[0].startswith("TwoFactorPolicy team/broken is invalid: spec.mode")


def test_of_a_policy_whose_selector_cannot_be_read_only_a_note_is_left() -> None:
    notes: list[str] = []
    assert governing_policies({("team", "broken"): policy("broken", selector={"matchLabels": 7})}, notes) == ()
    assert len(notes) == 1
