"""Which faults happen, and when: drawn from a seed, round by round, and recorded so that they can be replayed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.soak.faults import FAULTS, Area

AT_ONCE = (1, 1, 2, 2, 2, 3, 3, 4)
SPREADS = (0.6, 1.5, 4.0)  # seconds within which all blows of a round begin: the first ones hit a change in its middle
CHANGES = (Area.POLICY, Area.SETTINGS, Area.INSTANCE)  # faults that make the operator change something in Jenkins


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault of a round. ``at``: seconds after its begin, ``seconds``: until it is healed."""

    fault: str
    at: float
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Round:
    number: int
    blows: tuple[Blow, ...]


def draw(seed: int, number: int, names: Sequence[str]) -> Round:
    """The round of that number: the same for the same seed and the same faults to choose from."""
    dice = random.Random(f"{seed}/{number}")
    chosen: list[str] = []
    for _ in range(dice.choice(AT_ONCE)):
        free = [name for name in names if FAULTS[name].area not in {FAULTS[one].area for one in chosen}]
        changing = [name for name in free if FAULTS[name].area in CHANGES]
        chosen.append(dice.choice(changing if changing and not chosen and dice.random() < 0.6 else free))
    spread = dice.choice(SPREADS)
    return Round(number, tuple(_blow(dice, name, spread if at else 0.0) for at, name in enumerate(chosen)))


def _blow(dice: random.Random, name: str, spread: float) -> Blow:
    """Begins within ``spread`` seconds."""
    shortest, longest = FAULTS[name].seconds
    return Blow(name, round(dice.uniform(0, spread), 2), round(dice.uniform(shortest, longest), 2), round(dice.random(), 3))


def each_once(seed: int, names: Sequence[str]) -> Iterator[Round]:
    """Every fault alone, in an order that depends on the seed."""
    dice = random.Random(f"{seed}/each")
    for number, name in enumerate(dice.sample(sorted(names), len(names))):
        yield Round(number, (_blow(dice, name, 0.0),))


def write_round(file: Path, made: Round) -> None:
    """Appends one line."""
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(made)) + "\n")


def read_plan(file: Path) -> list[Round]:
    """The rounds of a file that :func:`write_round` wrote."""
    read = map(json.loads, file.read_text().splitlines())
    return [Round(one["number"], tuple(Blow(**blow) for blow in one["blows"])) for one in read]
