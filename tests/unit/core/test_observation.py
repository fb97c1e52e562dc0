"""Times are converted from the clock of Jenkins to ours, and a difference that matters is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jenkins2fa.core.assess import flapping_fields
from jenkins2fa.core.observation import Observation, TrialState, in_operator_time, measure_clock_ahead

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("difference", "previous", "found"),
    [
        (NONE, NONE, NONE),
        (40 * SECOND, NONE, NONE),
        (-40 * SECOND, NONE, NONE),
        (50 * SECOND, NONE, MINUTE),
        (DAY + 3 * SECOND, NONE, DAY),
        (-DAY - 3 * SECOND, NONE, -DAY),
        (DAY + 31 * SECOND, DAY, DAY),
        (DAY + 3 * MINUTE, DAY, DAY + 3 * MINUTE),
        (2 * SECOND, DAY, NONE),
    ],
)
def test_clock_skew_is_reported_in_whole_minutes_and_is_stable(difference: timedelta, previous: timedelta, found: timedelta) -> None:
    assert measure_clock_ahead(NOON + difference, NOON, previous) == found


@pytest.mark.parametrize("ahead", [DAY, -DAY, 3 * HOUR])
def test_all_times_recorded_by_jenkins_are_converted_to_our_clock(ahead: timedelta) -> None:
    theirs = NOON + ahead
    observation = Observation(
        "2.541",
        "s",
        "i",
        "admin",
        break_glass_until=theirs + HOUR,
        break_glass_times=((theirs - HOUR, theirs + HOUR),),
        trial=TrialState("t", theirs + MINUTE),
        corrections={"mode": (theirs - MINUTE, theirs - 2 * MINUTE, theirs - 3 * MINUTE)},
    )
    found = in_operator_time(observation, ahead)
    assert found.clock_ahead == ahead
    assert found.break_glass_until == NOON + HOUR
    assert found.break_glass_times == ((NOON - HOUR, NOON + HOUR),)
    assert found.trial == TrialState("t", NOON + MINUTE)
    assert flapping_fields(found, NOON) == ("mode",)
    assert flapping_fields(found, NOON + HOUR) == (), "a clock that is ahead does not make it last longer"


def test_equal_clocks_need_no_conversion() -> None:
    observation = Observation("2.541", "s", "i", "admin", break_glass_until=NOON)
    assert in_operator_time(observation, NONE) is observation
