"""The client for the API server: how long it waits before it retries."""

from __future__ import annotations

import pytest

from jenkins2fa.kube.client import LONGEST_RETRY_AFTER, _retry_after

HEADERS = {"3": 3.0, " 7 ": 7.0, "100000": LONGEST_RETRY_AFTER, "0": 0.0, "-1": 0.0, "1.5": 0.0, "soon": 0.0, "": 0.0, None: 0.0}


@pytest.mark.parametrize(("header", "seconds"), HEADERS.items())
def test_retry_after_is_honoured_if_it_is_a_sensible_number(header: str | None, seconds: float) -> None:
    assert _retry_after(header) == seconds
