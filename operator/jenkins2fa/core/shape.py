"""Whether data that came from outside has the types that its dataclass says.

Python does not look; a text where a number was promised would only be noticed far away, in the middle of a pass.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

_WORDS: Mapping[type, str] = types.MappingProxyType(
    {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping", list: "a list", type(None): "null"}
)


def misfit(value: Any, hint: Any, path: str = "") -> str | None:
    """Where a value is not of its type, and what it is instead (never the value itself); None = it fits.

    Knows dataclasses, unions, ``Mapping``, ``tuple[X, ...]``, ``frozenset`` and plain classes; a bool is no int."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        found = [misfit(value, one, path) for one in arguments]
        return None if None in found else next((one for one in found if one and one.partition(" is ")[0] != path), found[0])
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint):
        parts = ((f"{path}.{name}".lstrip("."), getattr(value, name), one) for name, one in _fields(hint))
        return next(filter(None, (misfit(part, one, place) for place, part, one in parts)), None)
    kind = origin or hint
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return f"{path} is {_WORDS.get(type(value), 'something else')}"
    if isinstance(value, Mapping):
        parts = ((f"{path}[{key!r}]"[:100], child, arguments[1]) for key, child in value.items())
    elif isinstance(value, tuple | frozenset) and arguments:
        parts = ((path, child, arguments[0]) for child in value)
    else:
        return None
    return next(filter(None, (misfit(child, one, place) for place, child, one in parts)), None)


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple(get_type_hints(kind).items())
