"""Situations for the guard as literals, and the reasons that it finds in them."""

from __future__ import annotations

from typing import Any

from jenkins2fa.core.guard.chain import check
from jenkins2fa.core.guard.finding import Situation
from jenkins2fa.core.observation import Observation, Owner
from tests.support.literals import BARE, FRESH, MANAGED, plan, spec

MINE = Owner("cluster", "instance-uid")


def situation(observation: Observation = FRESH, where: Any = MANAGED, more: dict[str, Any] | None = None, **fields: Any) -> Situation:
    desired = spec(**{"apiTokens": "Challenge" if where is not BARE else None, **fields})
    return Situation(desired, where, observation, plan(observation, desired, where), **{"owner": MINE, **(more or {})})


def reasons(*arguments: Any, **fields: Any) -> list[str]:
    return [finding.reason for finding in check(situation(*arguments, **fields))]
