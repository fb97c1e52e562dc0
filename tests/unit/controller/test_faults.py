"""What passes, lists and the queue do with an API server that says "not now", and with a write whose answer was lost."""

from __future__ import annotations

import pytest

from jenkins2fa.controller.watch import kopf_settings
from jenkins2fa.kube.client import LONGEST_RETRY_AFTER, _retry_after

HEADERS = {"3": 3.0, " 7 ": 7.0, "100000": LONGEST_RETRY_AFTER, "0": 0.0, "-1": 0.0, "1.5": 0.0, "soon": 0.0, "": 0.0, None: 0.0}


@pytest.mark.parametrize(("header", "seconds"), HEADERS.items())
def test_retry_after_is_heeded_when_it_is_a_sensible_number(header: str | None, seconds: float) -> None:
    assert _retry_after(header) == seconds


def test_a_watch_that_says_nothing_is_given_up_after_the_bookmark_that_is_due_every_minute() -> None:
    watching = kopf_settings().watching
    assert 60 < watching.inactivity_timeout < 75
    assert watching.server_timeout is not None
    assert watching.client_timeout is not None
    assert watching.server_timeout < watching.client_timeout
