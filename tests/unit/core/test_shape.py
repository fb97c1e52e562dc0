"""Data from outside that does not have the types of its dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from jenkins2fa.core.shape import misfit


@dataclass(frozen=True, slots=True)
class Inner:
    names: frozenset[str] = frozenset()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner | None = None
    values: Mapping[str, bool | int | str | None] | None = None
    times: tuple[Inner, ...] = ()
    on: bool = False


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (Outer(), None),
        (Outer(Inner(frozenset({"a"}), 3), {"x": 1, "y": None, "z": "text"}, (Inner(), Inner(count=2)), True), None),
        (Outer(on="yes"), "on is a string"),  # type: ignore[arg-type]
        (Outer(Inner(count=True)), "inner.count is true or false"),
        (Outer(Inner(frozenset({1}))), "inner.names is an integer"),  # type: ignore[arg-type]
        (Outer("inner"), "inner is a string"),  # type: ignore[arg-type]
        (Outer(values={"x": [1]}), "values['x'] is a list"),  # type: ignore[dict-item]
        (Outer(times=(Inner(), Inner(count="3"))), "times.count is a string"),  # type: ignore[arg-type]
        (Outer(times=[Inner()]), "times is a list"),  # type: ignore[arg-type]
        ("nothing of ours", " is a string"),
    ],
)
def test_the_path_of_a_value_with_the_wrong_type(value: Any, place: str | None) -> None:
    assert misfit(value, Outer) == place
