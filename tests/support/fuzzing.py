"""Random damage to JSON documents, strings and HTTP replies. Seeded, so that a failure can be repeated by its number.

JENKINS2FA_FUZZ_CASES is the number of cases of each fuzz test. The default is small; 10,000 were run once (docs/benchmarks/soak.md).
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

PLANTED = "pl4nted-s3cret-1f9c"
DEEP = 100_000


def cases(usual: int) -> Iterator[random.Random]:
    """One random generator per case; each depends only on the number of the case."""
    for number in range(int(os.environ.get("JENKINS2FA_FUZZ_CASES", "0")) or usual):
        yield random.Random(number)


def odd_values(dice: random.Random) -> Any:
    """A value that nobody expects."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: None,
        lambda: dice.choice((True, False)),
        lambda: dice.choice((0, -1, 1, 2**31, 2**63, 10**18, -(10**18), 10**400)),
        lambda: dice.choice((0.5, 1e308, float("nan"), float("inf"), float("-inf"))),
        lambda: dice.choice(("", " ", "\n", "\x00", "\x1b[2J", "\ud800", "a\udfffb", "\u202e", "é" * 3, "x" * 5000, "true", "0", "{}")),
        lambda: dice.choice(([], {}, [None], [[]], {"": None}, ["a", 1, None], {"error": "no"}, {"error": {"type": 5}})),
        lambda: nested(dice.choice((3, 50))),
        lambda: PLANTED,
    )
    return dice.choice(makers)()


def nested(depth: int) -> Any:
    """Deeply nested lists."""
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


def damaged(dice: random.Random, document: Any, most: int = 3) -> Any:
    """A copy with some of its values replaced, removed, moved or duplicated."""
    made = copy.deepcopy(document)
    for _ in range(dice.randint(1, most)):
        places = list(_places(made))
        if not places:
            return odd_values(dice)
        holder, key = dice.choice(places)
        match dice.randrange(6):
            case 0:
                del holder[key]
            case 1:
                elsewhere, other = dice.choice(places)
                holder[key] = copy.deepcopy(elsewhere[other]) if (elsewhere, other) != (holder, key) else other
            case 2 if isinstance(holder, dict):
                holder[dice.choice(("unknown", "", "x.y/z", str(key).upper()))] = odd_values(dice)
            case _:
                holder[key] = odd_values(dice)
    return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside a document, as its container and its key there."""
    for key, child in list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(child)


def as_json(dice: random.Random, document: Any) -> str:
    """As JSON, in one of several unusual forms: duplicate keys, deep nesting, escapes, truncated, trailing data."""
    text = json.dumps(document, ensure_ascii=dice.random() < 0.7)
    match dice.randrange(12):
        case 0:
            return text[: dice.randrange(len(text) + 1)]
        case 1:
            return text.replace('"', "'", dice.randint(1, 4))
        case 2:
            return text.replace("{", '{"ok": false, ', 1).replace("}", ', "ok": true}', 1)
        case 3:
            return '{"ok": true, "jenkins": ' + "[" * DEEP + "]" * DEEP + "}"
        case 4:
            return text + dice.choice((" x", text, "\u2028", "}"))
        case 5:
            return text.replace("true", dice.choice(("NaN", "-Infinity", "1e999", "9" * 5000, "tru")), 1)
        case _:
            return text


def scrap(dice: random.Random, words: tuple[str, ...], most: int = 25) -> str:
    """Random words."""
    return "".join(dice.choice(words) for _ in range(dice.randint(0, most)))
