"""Outcomes of reconciles as literals, and their conditions in short."""

from __future__ import annotations

from typing import Any

from jenkins2fa.core.assess import Assessment, Outcome, Proof
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.observation import Observation
from tests.support.literals import MANAGED, NOW, in_force, instance, plan
from tests.support.managed import policy


def outcome(
    observation: Observation | None = None,
    *,
    proof: Proof = Proof.CHALLENGED,
    where: Any = MANAGED,
    fields: dict[str, Any] | None = None,
    **more: Any,
) -> Outcome:
    """The outcome of a reconcile where the policy is in force, unless the arguments change that."""
    desired = policy(**(fields or {}))
    observation = in_force(desired.spec, where) if observation is None else observation
    judged = {name: more.pop(name) for name in ("findings", "mode", "drift") if name in more}
    return Outcome(instance(where), desired, Assessment(observation, plan(observation, desired.spec, where), **judged), proof=proof, **more)


def conditions_of(found: Outcome) -> dict[str, str]:
    return {condition.type: f"{condition.status}/{condition.reason}" for condition in judge(found, NOW)}
