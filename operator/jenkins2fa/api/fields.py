"""Reads nested mappings, with errors that name the field.

A reader does not stop at the first problem. It collects all of them, so that a user can correct a file in one go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

DURATION_PATTERN = "([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?"  # as in crds/; bounded, so that no duration overflows
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")  # RFC 3339
FIRST_TIME, AFTER_LAST_TIME = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # as in crds/


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in an object. ``path``: dotted (``spec.rollout.graceUntil``). ``message``: includes the way out.

    ``former``: a field of an earlier draft, so the message says more than a schema can."""

    path: str
    message: str
    former: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidObject(ValueError):
    """An object that cannot be used. ``problems``: every mistake, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Fields:
    """The fields of one mapping, and its path in the object."""

    values: Mapping[str, Any]
    path: str = ""
    problems: list[Problem] = field(default_factory=list)

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def fail(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.at(name), message))

    def fail_former(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.at(name), message, former=True))

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def nested(self, name: str, *, required: bool = False) -> Fields | None:
        """The fields of a nested mapping, or None when it is absent."""
        value = self.values.get(name)
        if value is None:
            if required:
                self.fail(name, "required")
            return None
        if not isinstance(value, Mapping):
            self.fail(name, f"must be a mapping, is {_kind(value)}")
            return None
        return Fields(value, self.at(name), self.problems)

    def entries(self, name: str, shape: str) -> list[Fields]:
        """The fields of each mapping in a list. An absent list counts as empty. ``shape``: an example of an entry, for messages."""
        values = self.values.get(name)
        if values is not None and not isinstance(values, list | tuple):
            self.fail(name, f"must be a list, is {_kind(values)}")
            return []
        entries = []
        for number, value in enumerate(values or ()):
            place = f"{name}[{number}]"
            if isinstance(value, Mapping):
                entries.append(Fields(value, self.at(place), self.problems))
            elif isinstance(value, str) and shape.startswith("{type: "):
                self.fail_former(place, f"must be a mapping: write {{type: {value}}}")
            else:
                self.fail(place, f"must be a mapping such as {shape}, is {_kind(value)}")
        return entries

    def string(self, name: str, default: str | None = None, *, required: bool = False) -> str | None:
        return self._typed(name, str, "a string", default, required)

    def required_string(self, name: str) -> str:
        return self.string(name, required=True) or ""

    def boolean(self, name: str, default: bool) -> bool:
        value = self._typed(name, bool, "true or false", default, False)
        return default if value is None else value

    def integer(self, name: str, default: int) -> int:
        value = self.values.get(name)
        if isinstance(value, bool):
            self.fail(name, "must be an integer, is true or false")
            return default
        if isinstance(value, float) and value.is_integer():
            return int(value)  # the API server takes 1.0 and 1e3 as integers
        number = self._typed(name, int, "an integer", default, False)
        return default if number is None else number

    def choice(self, name: str, kind: type[E], default: E | None) -> E | None:
        value = self.values.get(name)
        if value is None:
            return default
        return self._convert(name, value, lambda text: kind(text), f"must be one of {_values(kind)}, is {value!r}") or default

    def strings(self, name: str) -> tuple[str, ...] | None:
        """A list of strings. None = absent, which often means something else than an empty list."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            self.fail(name, "must be a list of strings")
            return ()
        return tuple(value)

    def duration(self, name: str, default: timedelta | None = None) -> timedelta | None:
        value = self.values.get(name)
        if value is None:
            return default
        return self._convert(name, value, parse_duration, f"must be a duration such as 30s, 15m or 1h30m, is {value!r}")

    def time(self, name: str) -> datetime | None:
        value = self.values.get(name)
        if value is None:
            return None
        return self._convert(name, value, parse_time, f"must be a time such as 2026-12-01T12:00:00Z, is {value!r}")

    def _typed(self, name: str, kind: type[T], label: str, default: T | None, required: bool) -> T | None:
        value = self.values.get(name)
        if value is None:
            if required:
                self.fail(name, "required")
            return default
        if not isinstance(value, kind):
            self.fail(name, f"must be {label}, is {_kind(value)}")
            return default
        return value

    def _convert(self, name: str, value: Any, convert: Callable[[Any], T], message: str) -> T | None:
        try:
            return convert(value)
        except (ValueError, TypeError):
            self.fail(name, message)
            return None


def parse_duration(text: str) -> timedelta:
    """A duration such as ``1h30m`` (hours, minutes, seconds; at least one of them). Raises ValueError."""
    match = re.fullmatch(DURATION_PATTERN, text) if isinstance(text, str) else None
    if not match or not text:
        raise ValueError(f"{text!r} is not a duration such as 30s, 15m or 1h30m")
    hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(length: timedelta) -> str:
    """The shortest form that :func:`parse_duration` reads: ``1h30m``, ``15m``, ``0s``."""
    hours, rest = divmod(int(length.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    return "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number) or "0s"


def parse_time(value: Any) -> datetime:
    """An RFC 3339 time with a zone (YAML may have made a datetime of it already), in UTC. Raises ValueError."""
    moment = value if isinstance(value, datetime) else _read_time(value)
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # PyYAML drops the zone of a time in UTC
    if moment is None or not FIRST_TIME <= moment < AFTER_LAST_TIME:
        raise ValueError(f"{value!r} is not a time such as 2026-12-01T12:00:00Z")
    return moment.astimezone(UTC)


def _read_time(text: Any) -> datetime | None:
    """In UTC; None = not a time. ``fromisoformat`` alone accepts much more than RFC 3339. Digits beyond microseconds are dropped. Offsets
    go up to 24:60, as Go reads them: the API server stores such a time, so the operator must be able to read it."""
    match = TIME.fullmatch(text)
    if not match:
        return None
    seconds, fraction, zone = match.groups()
    moment = datetime.fromisoformat(seconds + (fraction or "")[:7]).replace(tzinfo=UTC)
    if zone == "Z":
        return moment
    hours, minutes = map(int, zone[1:].split(":"))
    if hours > 24 or minutes > 60:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        return moment - offset if zone[0] == "+" else moment + offset
    except OverflowError:
        return None


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _values(kind: type[Enum]) -> str:
    return ", ".join(str(member.value) for member in kind)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
