"""Checks that data from outside has the types that its dataclass declares.

Python does not check them: a string instead of a number would only fail later, in the middle of a reconcile.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

Check = Callable[[Any], str | None]  # None = it fits; else the path below the value, and the type found there

_WORDS: Mapping[type, str] = types.MappingProxyType(
    {
        str: "a string",
        int: "an integer",
        float: "a number",
        bool: "true or false",
        dict: "a mapping",
        list: "a list",
        type(None): "null",
    }
)


def misfit(value: Any, hint: Any) -> str | None:
    """The path of the first part with a wrong type, and the type found there, never the value. None = it fits.

    Supports dataclasses, unions, ``Mapping``, ``tuple[X, ...]``, ``frozenset`` and plain classes. A bool is not an int."""
    problem = _check_of(hint)(value)
    return problem and problem.removeprefix(".")


@functools.cache
def _check_of(hint: Any) -> Check:
    """The check for a type. It is cached, since every observation of every controller is checked."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of(tuple(map(_check_of, arguments)))
    kind = origin or hint
    parts: Check = _fits
    if is_dataclass(kind):
        parts = _fields(kind)
    elif arguments and issubclass(kind, Mapping):
        parts = _values(_check_of(arguments[1]))
    elif arguments and issubclass(kind, tuple | frozenset):
        parts = _members(_check_of(arguments[0]))

    def check(value: Any) -> str | None:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return f" is {_WORDS.get(type(value), 'something else')}"
        return parts(value)

    return check


def _fits(_: Any) -> str | None:
    return None


def _any_of(checks: tuple[Check, ...]) -> Check:
    """None if any of them fits; else the problem that lies deepest within the value."""

    def check(value: Any) -> str | None:
        problems = []
        for check_one in checks:
            problem = check_one(value)
            if problem is None:
                return None
            problems.append(problem)
        return next((problem for problem in problems if not problem.startswith(" is ")), problems[0])

    return check


def _fields(kind: Any) -> Check:
    fields = tuple((name, _check_of(hint)) for name, hint in get_type_hints(kind).items())

    def check(value: Any) -> str | None:
        for name, one in fields:
            wrong = one(getattr(value, name))
            if wrong is not None:
                return f".{name}{wrong}"
        return None

    return check


def _values(one: Check) -> Check:
    def check(value: Any) -> str | None:
        return next((f"[{key!r}]"[:100] + wrong for key, child in value.items() if (wrong := one(child)) is not None), None)

    return check


def _members(one: Check) -> Check:
    def check(value: Any) -> str | None:
        return next((wrong for child in value if (wrong := one(child)) is not None), None)

    return check
