"""The search for secrets finds every spelling; otherwise the tests that use it could not fail."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.planted import leaks

SECRET = 'planted "secret"/+ü-0123456789'


@pytest.mark.parametrize(
    "text",
    [
        f"token={SECRET}",
        json.dumps({"data": SECRET}),
        f"https://x/?token={quote(SECRET, safe='')}",
        base64.b64encode(SECRET.encode()).decode(),
        *("Basic " + base64.b64encode(f"{name}:{SECRET}".encode()).decode() for name in ("admin", "alice1", "robot-7")),
        base64.b64encode(f"ab{SECRET}cd".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_spelling(text: str) -> None:
    assert leaks({"here": f"before {text} after", "there": "nothing"}, [SECRET]) == ["here: plante…"]


def test_an_absent_secret_is_not_found() -> None:
    assert leaks({"here": "planted, but another", "there": base64.b64encode(b"planted ").decode()}, [SECRET]) == []


def test_searching_for_no_secret_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no secret was planted"):
        leaks({"here": "x"}, ["", "short"])
