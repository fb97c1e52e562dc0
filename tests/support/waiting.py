"""Waiting for something to become true, with a time limit and a message worth reading."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(check: Callable[[], Value], *, seconds: float = 10.0, every: float = 0.05, what: str = "") -> Value:
    """Call `check` until it returns something true, and return that; AssertionError with the last value after `seconds`.

    An AssertionError raised by `check` counts as "not yet", so a check may be written as plain assertions.
    """
    deadline = time.monotonic() + seconds
    while True:
        last = ""
        try:
            if value := check():
                return value
            last = repr(value)
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what or check.__name__}; last: {last}")
        time.sleep(every)
